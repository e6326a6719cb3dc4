/** The text of an answer, which is not trusted: HTML is shown as text, links open other pages, and nothing is fetched. */
import { type ComponentPropsWithoutRef, isValidElement, memo, type ReactNode, useDeferredValue } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import remarkMath, { type Options as MathOptions } from "remark-math";

import { blocksOf, fencedCode } from "~/features/chat/blocks";
import { CodeBlock } from "~/features/chat/CodeBlock";
import type { FormulaProps } from "~/features/chat/Formula";
import { withDoubleDollars } from "~/features/chat/maths";
import { isTooDeep } from "~/features/chat/nesting";
import { Plain } from "~/features/chat/Plain";
import { PlainWhereItFails } from "~/features/chat/PlainWhereItFails";
import { lazily } from "~/ui/lazily";

import classes from "./Markdown.module.css";

const ONE_DOLLAR_IS_NONE: MathOptions = { singleDollarTextMath: false };
const PLUGINS: ComponentPropsWithoutRef<typeof ReactMarkdown>["remarkPlugins"] = [remarkGfm, [remarkMath, ONE_DOLLAR_IS_NONE]];
const ALLOWED = /^(?:https?:\/\/|mailto:)/i;

/** The URL of a link, or "" where it may not be followed. */
export function safeLink(url: string): string {
  return ALLOWED.test(url) && URL.canParse(url) ? url : "";
}

function Link({ href, children }: { href?: string | undefined; children?: ReactNode }) {
  if (href === undefined || href === "") return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

function Picture({ src, alt }: ComponentPropsWithoutRef<"img">) {
  const words = alt === undefined || alt === "" ? "an image" : alt;
  return <Link href={typeof src === "string" ? src : ""}>{`Image: ${words}`}</Link>;
}

/** The formula as it was written, until what draws it is here. */
const Source = ({ formula }: FormulaProps) => <code>{formula}</code>;
const Formula = lazily(async () => (await import("~/features/chat/Formula")).default, { waiting: Source, missing: Source });

function Code({ className, children }: { className?: string | undefined; children?: ReactNode }) {
  if (className?.includes("math-inline") === true && typeof children === "string") return <Formula formula={children} displayed={false} />;
  return <code className={className}>{children}</code>;
}

function Pre({ children }: { children?: ReactNode }) {
  if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return <pre>{children}</pre>;
  const { className = "", children: content } = children.props;
  const text = typeof content === "string" ? content : "";
  if (className.includes("math-display")) return <Formula formula={text} displayed />;
  return <CodeBlock language={/language-(\S+)/.exec(className)?.[1] ?? ""} text={text} />;
}

const COMPONENTS: Components = {
  a: ({ href, children }) => <Link href={href}>{children}</Link>,
  img: ({ src, alt }) => <Picture src={src} alt={alt} />,
  code: ({ className, children }) => <Code className={className}>{children}</Code>,
  pre: ({ children }) => <Pre>{children}</Pre>,
  table: ({ children }) => (
    <div className={classes["table"]} tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
  // An empty head would have no name for screen readers.
  th: ({ children, style }) => (children === undefined ? <td /> : <th style={style}>{children}</th>),
  // Headings of an answer are below those of the page.
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h4>{children}</h4>,
  h3: ({ children }) => <h5>{children}</h5>,
  h4: ({ children }) => <h6>{children}</h6>,
  h5: ({ children }) => <h6>{children}</h6>,
  input: ({ checked }) => <input type="checkbox" checked={checked ?? false} disabled aria-label={checked === true ? "done" : "open"} />,
};

/** Characters beyond which a block, which is then one long line, is no text for people. */
const MAX_BLOCK = 40_000;

const Block = memo(function Block({ text }: { text: string }) {
  const code = fencedCode(text);
  if (code !== null && code.language !== "math") return <CodeBlock {...code} />;
  if (isTooDeep(text) || text.length > MAX_BLOCK) return <Plain text={text} />;
  return (
    <PlainWhereItFails text={text}>
      <ReactMarkdown remarkPlugins={PLUGINS} urlTransform={safeLink} components={COMPONENTS}>
        {text}
      </ReactMarkdown>
    </PlainWhereItFails>
  );
});

/** A block that grows, as far as there was time to read it: pieces that come meanwhile are read at once. */
function GrowingBlock({ text }: { text: string }) {
  return <Block text={useDeferredValue(text)} />;
}

export default function Markdown({ text }: { text: string }) {
  return (
    <div className={classes["markdown"]}>
      {blocksOf(withDoubleDollars(text)).map((block, place) => (
        <GrowingBlock key={place} text={block} />
      ))}
    </div>
  );
}
