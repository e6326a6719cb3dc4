import { memo, type ReactNode, useDeferredValue, useEffect, useSyncExternalStore } from "react";

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
  // While code grows, its end is plain for a moment rather than all of it late.
  const read = useDeferredValue(code);
  const tree = content === null || !code.startsWith(read) ? null : content.highlight(language, read);
  return tree === null ? code : (
    <>
      {spans(tree.children)}
      {code.slice(read.length)}
    </>
  );
});

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
