// What several views share: data that is fetched again and again, and the time.
import { useCallback, useEffect, useRef, useState } from "./html.js";
import { get } from "./api.js";

/** Fetch a resource, then again every `seconds` while the page is visible. */
export function useResource(path, seconds = 0) {
  const [state, setState] = useState({ data: null, error: null });
  const latest = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++latest.current;
    try {
      const data = await get(path);
      if (mine === latest.current) setState({ data, error: null });
    } catch (error) {
      if (mine === latest.current) setState((before) => ({ ...before, error }));
    }
  }, [path]);
  useEffect(() => {
    let timer;
    let stopped = false;
    const again = async () => {
      if (!document.hidden) await reload();
      if (seconds && !stopped) timer = setTimeout(again, seconds * 1000);
    };
    again();
    return () => {
      stopped = true;
      latest.current++;
      clearTimeout(timer);
    };
  }, [reload, seconds]);
  return { ...state, reload };
}

/** The time in epoch seconds, moving on. */
export function useNow(seconds = 1) {
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}

/** Run `work` while `busy` says so; what fails is told by `tell`. */
export function useWork(tell) {
  const [busy, setBusy] = useState(false);
  const run = async (work) => {
    setBusy(true);
    try {
      return await work();
    } catch (error) {
      tell(error.message, "bad");
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return [busy, run];
}
