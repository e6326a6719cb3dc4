/** State that is kept in the URL, so that a link shows what its sender saw. */
import { useCallback } from "react";
import { type NavigateOptions, useNavigate, useSearchParams } from "react-router";

type Change = (params: URLSearchParams) => void;

/**
 * A function that changes the parameters in the URL. It begins from those that the URL has at that moment: react-router's
 * own setter begins from those that were rendered last, and so undoes a change that is not rendered yet.
 */
export function useChangeParams(): (change: Change, options?: NavigateOptions) => void {
  const navigate = useNavigate();
  return useCallback(
    (change, options) => {
      const params = new URLSearchParams(window.location.search);
      change(params);
      void navigate(`?${params.toString()}`, options);
    },
    [navigate],
  );
}

/** A filter kept in the URL; "" removes it. Changing one leads back to the first page of the list. One that is typed takes one step
 * of the history, not one for each letter. */
export function useFilter(name: string, { typed = name === "q" } = {}): [string, (value: string) => void] {
  const [params] = useSearchParams();
  const change = useChangeParams();
  const set = (value: string) => {
    change(
      (next) => {
        for (const place of ["after", "before"]) next.delete(place);
        put(next, name, value);
      },
      { replace: typed },
    );
  };
  return [params.get(name) ?? "", set];
}

/** The panel that is open over the page, kept in the URL; "" closes it. Filters and pages of lists stay as they are. */
export function usePanel(name: string): [string, (value: string) => void] {
  const [params] = useSearchParams();
  const change = useChangeParams();
  const set = useCallback(
    (value: string) => {
      change((next) => put(next, name, value));
    },
    [name, change],
  );
  return [params.get(name) ?? "", set];
}

function put(params: URLSearchParams, name: string, value: string) {
  if (value === "") params.delete(name);
  else params.set(name, value);
}
