import { memo, type ReactNode, useDeferredValue, useEffect, useState, useSyncExternalStore } from "react";

import type { Highlighted } from "~/features/chat/highlight";
import { Chunk } from "~/ui/chunk";
import { CopyButton } from "~/ui/CopyButton";

import classes from "./Markdown.module.css";

const highlighter = new Chunk(() => import("~/features/chat/highlight"));

/** Code with its language and a button that copies it. */
export function CodeBlock({ language, text }: { language: string; text: string }) {
  const code = text.replace(/\n$/, "");
  return (
    <div className={classes["code"]}>
      <div className={classes["codeHead"]}>
        <span>{language === "" ? "text" : language}</span>
        <CopyButton text={code} what="code" />
      </div>
      {/* No region: an answer may have many, and regions need names of their own. */}
      <pre tabIndex={0} role="group" aria-label="Code">
        <code>{language === "" ? code : <Colored language={language} code={code} />}</code>
      </pre>
    </div>
  );
}

/** Plain until the colours are here, and where they cannot be fetched. */
const Colored = memo(function Colored({ language, code }: { language: string; code: string }) {
  const { content } = useSyncExternalStore(highlighter.watch, highlighter.read);
  useEffect(() => void highlighter.load(), []);
  const read = useRead(code);
  const tree = content === null || !code.startsWith(read) ? null : content.highlight(language, read);
  return tree === null ? code : (
    <>
      {spans(tree.children)}
      {code.slice(read.length)}
    </>
  );
});

/** Code grows by this share of itself before it is coloured anew: so that all that is read stays a small multiple of it. */
const SHARE = 8;
const RESTS_MS = 250;

/** As much of the code as is to be coloured. While it grows, its end is plain for a moment rather than all of it late. */
function useRead(code: string): string {
  const [read, setRead] = useState(code);
  const grown = code.length - read.length;
  if (!code.startsWith(read) || grown * SHARE > read.length) setRead(code);
  useEffect(() => {
    const timer = window.setTimeout(() => setRead(code), RESTS_MS);
    return () => window.clearTimeout(timer);
  }, [code]);
  return useDeferredValue(read);
}

function spans(nodes: Highlighted["children"] | Extract<Highlighted["children"][number], { type: "element" }>["children"]): ReactNode[] {
  return nodes.map((node, place) => {
    if (node.type === "text") return node.value;
    if (node.type !== "element") return null;
    const names = node.properties.className;
    return (
      <span key={place} className={Array.isArray(names) ? names.join(" ") : undefined}>
        {spans(node.children)}
      </span>
    );
  });
}
