/** A formula, set by KaTeX. */
import "katex/dist/katex.min.css";

import katex, { type KatexOptions } from "katex";
import { useLayoutEffect, useRef, useState } from "react";

import classes from "./Markdown.module.css";

export interface FormulaProps {
  formula: string;
  displayed: boolean;
}

/** Characters beyond which a formula is shown as it is: it is set anew with every piece that comes. */
const MAX_FORMULA = 5_000;

const OPTIONS: KatexOptions = {
  throwOnError: true,
  // No links, no images, nothing that reaches out of the formula; and bounds for what a formula can grow to.
  trust: false,
  strict: "ignore",
  maxSize: 20,
  maxExpand: 500,
  // The colour of what is not allowed, as links are.
  errorColor: "currentColor",
  // Both would set a style by an attribute, which the page's policy forbids.
  macros: { "\\pmb": "\\boldsymbol{#1}", "\\fcolorbox": "\\@secondoftwo{#1#2}{\\boxed{\\text{#3}}}" },
};

/** Drawn node by node: KaTeX's text of HTML has style attributes, which the page's policy forbids. What it cannot read is shown as it is. */
export default function Formula({ formula, displayed }: FormulaProps) {
  const place = useRef<HTMLSpanElement>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useLayoutEffect(() => {
    if (place.current === null) return;
    try {
      if (formula.length > MAX_FORMULA) throw new RangeError("The formula is too long.");
      katex.render(formula, place.current, { ...OPTIONS, displayMode: displayed });
      // eslint-disable-next-line react-hooks/set-state-in-effect -- whether it can be drawn is known when it was
      setFailed(null);
    } catch {
      place.current.replaceChildren();
      setFailed(formula);
    }
  }, [formula, displayed]);
  return (
    <span className={displayed ? classes["displayed"] : undefined} {...(displayed && { tabIndex: 0, role: "group", "aria-label": "Formula" })}>
      <span ref={place} />
      {failed === formula && <code>{formula}</code>}
    </span>
  );
}
