// The one door to the vendored libraries: templates, hooks. Text always becomes a text node, never markup.
import htm from "./vendor/htm-3.1.1.js";
import { h } from "./vendor/preact-11.2.0.js";

export { render } from "./vendor/preact-11.2.0.js";
export {
  useCallback, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState,
} from "./vendor/preact-hooks-11.2.0.js";

export const html = htm.bind(h);
