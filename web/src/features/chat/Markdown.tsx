/** The text of an answer, which is not trusted: HTML is shown as text, links open other pages, and nothing is fetched. */
import { type ComponentPropsWithoutRef, isValidElement, memo, type ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";

import { blocksOf } from "~/features/chat/blocks";
import { CodeBlock } from "~/features/chat/CodeBlock";

import classes from "./Markdown.module.css";

const PLUGINS = [remarkGfm];
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

function Pre({ children }: { children?: ReactNode }) {
  if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return <pre>{children}</pre>;
  const language = /language-(\S+)/.exec(children.props.className ?? "")?.[1] ?? "";
  return <CodeBlock language={language} text={typeof children.props.children === "string" ? children.props.children : ""} />;
}

const COMPONENTS: Components = {
  a: ({ href, children }) => <Link href={href}>{children}</Link>,
  img: ({ src, alt }) => <Picture src={src} alt={alt} />,
  pre: ({ children }) => <Pre>{children}</Pre>,
  table: ({ children }) => (
    <div className={classes["table"]} tabIndex={0} role="region" aria-label="Table">
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

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={PLUGINS} urlTransform={safeLink} components={COMPONENTS}>
      {text}
    </ReactMarkdown>
  );
});

export default function Markdown({ text }: { text: string }) {
  return (
    <div className={classes["markdown"]}>
      {blocksOf(text).map((block, place) => (
        <Block key={place} text={block} />
      ))}
    </div>
  );
}
