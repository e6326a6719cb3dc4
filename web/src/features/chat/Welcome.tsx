import { Anchor, Skeleton } from "@mantine/core";
import { Link } from "react-router";

import type { Schemas } from "~/api/client";
import type { Conversation } from "~/features/chat/conversation";
import { fileName, saveFile, toJson } from "~/features/chat/exports";
import { priceOf } from "~/features/chat/price";
import { MAX_CONVERSATIONS } from "~/features/chat/storage";

import classes from "./Welcome.module.css";

const EXAMPLES = [
  "Explain to a child why the sky is blue",
  "Write a Python function that merges two sorted lists",
  "Compare SQLite and PostgreSQL in a table",
  "Draft a friendly note that declines an invitation",
];

interface WelcomeProps {
  model: Schemas["Model"] | undefined;
  /** Whether the list of models is still on its way. */
  waiting: boolean;
  /** The conversation that is deleted when this one begins. */
  replaced?: Conversation | undefined;
  onPick: (text: string) => void;
}

/** Before the first question: the model with its price, and some questions to begin with. */
export function Welcome({ model, waiting, replaced, onPick }: WelcomeProps) {
  return (
    <div className={classes["welcome"]}>
      <h2>What do you want to know?</h2>
      {model === undefined && waiting && <Skeleton height={20} width={320} maw="100%" />}
      {model !== undefined && (
        <p>
          <strong>{model.id}</strong> answers. {model.owned_by === "" ? "" : `${priceOf(model)}. `}What you ask here counts towards your <Link to="/home">limits</Link>, as
          every call does{model.vision === true ? "; it takes images, too" : ""}.
        </p>
      )}
      {replaced !== undefined && (
        <p>
          This browser keeps {MAX_CONVERSATIONS} conversations: with your question the oldest, «{replaced.title}», is deleted.{" "}
          <Anchor component="button" type="button" onClick={() => saveFile(fileName(replaced.title, "json"), toJson([replaced]))}>
            Export it first
          </Anchor>
        </p>
      )}
      <ul aria-label="Something to begin with">
        {EXAMPLES.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => onPick(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
