import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy, IconReceipt, IconRefresh } from "@tabler/icons-react";
import { memo } from "react";
import { Link } from "react-router";

import type { Answer, Figures } from "~/features/chat/conversation";
import { FailureView } from "~/features/chat/FailureView";
import { Plain } from "~/features/chat/Plain";
import { waitWords } from "~/features/chat/wait";
import { exactUsd } from "~/ui/format/money";
import { compact, count } from "~/ui/format/numbers";
import { wholeSeconds } from "~/ui/format/times";
import { lazily } from "~/ui/lazily";
import { Duration } from "~/ui/Times";
import { useNow } from "~/ui/useNow";

import classes from "./Messages.module.css";

/** The text as it came, until what renders it is here. */
const Markdown = lazily(async () => (await import("~/features/chat/Markdown")).default, { waiting: Plain, missing: Plain });

interface AnswerProps {
  answer: Answer;
  /** Asks the question again; only for the last answer. */
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
          <AnswerText text={answer.text} />
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

/** In the place of an answer that has not begun: what it waits for; after a while, how long that has taken. */
function Waiting({ answer }: { answer: Answer }) {
  const waited = useNow(1_000) - answer.askedAt;
  const wait = answer.thought === "" ? (answer.wait ?? null) : null;
  const spent = wholeSeconds(waited / 1_000);
  return (
    <div className={classes["waiting"]}>
      <i aria-hidden />
      <i aria-hidden />
      <i aria-hidden />
      <span className="visually-hidden">Waiting for {answer.model}</span>
      {wait !== null && <span className={classes["waited"]}>{waitWords(wait)}</span>}
      {waited > LONG_MS && <span className={classes["waited"]}>{wait === null ? spent : `waited ${spent}`}</span>}
    </div>
  );
}

const AnswerText = memo(Markdown);

export const loadMarkdown = Markdown.load;

/** Below an answer: its model, what it used and how long it took. */
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
        {answer.requestId !== null && (
          <ActionIcon component={Link} to={`/calls/${answer.requestId}`} variant="subtle" color="gray" aria-label="The call of this answer" title="The call of this answer">
            <IconReceipt size={15} aria-hidden />
          </ActionIcon>
        )}
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
  return (
    <>
      <Tooltip label={`${count(promptTokens)} tokens in, ${count(completionTokens)} tokens out`}>
        <span className="num">
          {compact(promptTokens)} in, {compact(completionTokens)} out
        </span>
      </Tooltip>
      {costUsd !== null && <span className="num">{exactUsd(costUsd)}</span>}
      {queuedMs >= 100 && (
        <span>
          queued <Duration ms={queuedMs} />
        </span>
      )}
      {firstTokenMs !== null && (
        <span>
          first token <Duration ms={firstTokenMs} />
        </span>
      )}
      <span>
        total <Duration ms={totalMs} />
      </span>
    </>
  );
}
