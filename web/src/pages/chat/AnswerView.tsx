import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy, IconRefresh } from "@tabler/icons-react";
import { lazy, memo, Suspense } from "react";

import { FailureView } from "~/pages/chat/FailureView";
import type { Answer, Figures } from "~/pages/chat/talk";
import { useSecond } from "~/pages/chat/useSecond";
import { compact, count, duration, exactUsd } from "~/parts/format";
import { Took } from "~/parts/figures";

import classes from "./bubbles.module.css";

const Markdown = lazy(() => import("~/pages/chat/Markdown"));

interface AnswerProps {
  answer: Answer;
  /** Asks the same once more: for the last answer only. */
  onAgain: (() => void) | undefined;
}

export function AnswerView({ answer, onAgain }: AnswerProps) {
  const running = answer.state === "running";
  const broken = answer.state === "refused" || answer.state === "cut";
  return (
    <article className={classes["answer"]} aria-label={answer.model}>
      {answer.thought !== "" && (
        <details className={classes["thought"]}>
          <summary>{running && answer.text === "" ? "Thinking" : "Thoughts"}</summary>
          <p>{answer.thought}</p>
        </details>
      )}
      {answer.text !== "" && (
        <div className={classes["bubble"]}>
          <Said text={answer.text} />
        </div>
      )}
      {running && answer.text === "" && (
        <Waiting answer={answer} />
      )}
      {broken && answer.failure !== null && (
        <FailureView failure={answer.failure} state={answer.state} onAgain={onAgain} />
      )}
      {!running && answer.state !== "refused" && <Foot answer={answer} onAgain={broken ? undefined : onAgain} />}
    </article>
  );
}

const LONG_MS = 3_000;

/** Nothing has come yet; after a while it says for how long. */
function Waiting({ answer }: { answer: Answer }) {
  const waited = useSecond() - answer.askedAt;
  return (
    <div className={classes["waiting"]}>
      <i aria-hidden />
      <i aria-hidden />
      <i aria-hidden />
      <span className="visually-hidden">Waiting for {answer.model}</span>
      {waited > LONG_MS && <span className={classes["waited"]}>{duration(Math.round(waited / 1_000) * 1_000).replace(".0 s", " s")}</span>}
    </div>
  );
}

const Said = memo(function Said({ text }: { text: string }) {
  return (
    <Suspense fallback={<div className={classes["plain"]}>{text}</div>}>
      <Markdown text={text} />
    </Suspense>
  );
});

/** One quiet line: what it was, what it took. */
function Foot({ answer, onAgain }: AnswerProps) {
  return (
    <div className={classes["foot"]}>
      <span>{answer.model}</span>
      {answer.state === "stopped" && <span>stopped</span>}
      {answer.finish === "length" && (
        <Tooltip label="The answer reached the limit of tokens for one request. Ask it to go on.">
          <span tabIndex={0}>at the token limit</span>
        </Tooltip>
      )}
      {answer.figures !== null && <Spent figures={answer.figures} />}
      <span className={classes["actions"]}>
        <CopyButton value={answer.text} timeout={1500}>
          {({ copied, copy }) => (
            <ActionIcon variant="subtle" color="gray" aria-label={copied ? "Copied" : "Copy the answer"} title="Copy the answer" onClick={copy}>
              {copied ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />}
            </ActionIcon>
          )}
        </CopyButton>
        {onAgain !== undefined && (
          <ActionIcon variant="subtle" color="gray" aria-label="Answer again" title="Answer again" onClick={onAgain}>
            <IconRefresh size={15} aria-hidden />
          </ActionIcon>
        )}
      </span>
    </div>
  );
}

function Spent({ figures }: { figures: Figures }) {
  const { promptTokens, completionTokens, costUsd, firstTokenMs, queuedMs, totalMs } = figures;
  const write = (tokens: number) => compact(tokens).join(" ").trim();
  return (
    <>
      <Tooltip label={`${count(promptTokens)} tokens in, ${count(completionTokens)} tokens out`}>
        <span className="num">
          {write(promptTokens)} in, {write(completionTokens)} out
        </span>
      </Tooltip>
      {costUsd !== null && <span className="num">{exactUsd(costUsd)}</span>}
      {queuedMs >= 100 && (
        <span>
          queued <Took ms={queuedMs} />
        </span>
      )}
      {firstTokenMs !== null && (
        <span>
          first token <Took ms={firstTokenMs} />
        </span>
      )}
      <span>
        total <Took ms={totalMs} />
      </span>
    </>
  );
}
