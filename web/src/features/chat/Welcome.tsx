import { Skeleton } from "@mantine/core";
import { Link } from "react-router";

import type { Schemas } from "~/api/client";
import { priceOf } from "~/features/chat/price";

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
  onPick: (text: string) => void;
}

/** Before the first question: the model with its price, and some questions to begin with. */
export function Welcome({ model, waiting, onPick }: WelcomeProps) {
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
