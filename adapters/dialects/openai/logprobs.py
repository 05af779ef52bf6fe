"""How sure the model was of each token."""

from __future__ import annotations

from typing import Any


def logprobs(result: dict[str, Any]) -> dict[str, Any]:
    """Return a logprobsResult in OpenAI's form."""
    tops = result.get("topCandidates") or []
    content = []
    for number, chosen in enumerate(result.get("chosenCandidates") or ()):
        others = (tops[number].get("candidates") or ()) if number < len(tops) else ()
        content.append({**_token(chosen), "top_logprobs": [_token(each) for each in others]})
    return {"content": content, "refusal": None}


def _token(candidate: dict[str, Any]) -> dict[str, Any]:
    token = candidate.get("token") or ""
    return {"token": token, "logprob": candidate.get("logProbability") or 0.0, "bytes": list(token.encode())}
