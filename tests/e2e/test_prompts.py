"""What a caller says reaches Google as it was said, whatever it is made of, and comes back so."""

from __future__ import annotations

import pytest

from tests.e2e.callers import Ask, Question, chat, generate, messages, responses
from tests.e2e.upstreams import asked
from tests.proxy import Running

EXOTIC = [
    "Grüße, 你好, שלום, नमस्ते, 👩🏽\u200d🚀, e\u0301 \u00e9",
    "a\u2028b\u2029c\u0085d\x0be\x0cf\x00g\x07h\x7fi \uffff \U0010ffff",
    '\ufeff  two before, one\r\ntwo\rthree\n\ndata: [DONE]\n\nevent: error\ndata: {"error": 1}\n\n: comment\u00a0  \n ',
    '{"a": [1, 2.0, 1e400, "\\ud83d\\ude00"], "</script>": null, \'quote\': "\\", \\n \\u0041 \t \\x}',
]
"""Scripts, separators and controls; what would end an event; what looks like JSON. The model echoes 200 characters."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("ask", [chat, responses, messages, generate])
async def test_prompt_goes_and_comes_back_byte_for_byte(proxy: Running, ask: Ask, stream: bool) -> None:
    for text in EXOTIC:
        answer = await ask(Question(proxy, text, stream=stream))
        assert asked(proxy)[-1]["contents"][-1]["parts"] == [{"text": text}]
        assert answer == f"You said: {text}"
