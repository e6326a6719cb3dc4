import { CopyButton } from "~/ui/CopyButton";

import classes from "./Markdown.module.css";

/** Code with its language and a button that copies it. */
export function CodeBlock({ language, text }: { language: string; text: string }) {
  const code = text.replace(/\n$/, "");
  return (
    <div className={classes["code"]}>
      <div className={classes["codeHead"]}>
        <span>{language === "" ? "text" : language}</span>
        <CopyButton text={code} what="code" />
      </div>
      <pre tabIndex={0} role="region" aria-label="Code">
        <code>{code}</code>
      </pre>
    </div>
  );
}
