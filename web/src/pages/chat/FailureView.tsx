import { Button } from "@mantine/core";
import { IconAlertCircle, IconPlugConnectedX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";

import { api, body } from "~/api/client";
import { adviceOf, isLimit, limitOf, titleOfFailure } from "~/pages/chat/refusal";
import type { Failure } from "~/pages/chat/talk";
import { useSecond } from "~/pages/chat/useSecond";
import { readingsOf } from "~/parts/LimitMeters";
import { Meter } from "~/parts/Meter";

import classes from "./bubbles.module.css";

interface FailureProps {
  failure: Failure;
  state: "refused" | "cut";
  onAgain: (() => void) | undefined;
}

/** Why there is no answer, or no more of it: in words, with the limit that stood in the way. */
export function FailureView({ failure, state, onAgain }: FailureProps) {
  const now = useSecond();
  const Icon = state === "cut" ? IconPlugConnectedX : IconAlertCircle;
  return (
    <div className={classes["failure"]}>
      <Icon size={18} stroke={1.8} aria-hidden />
      <div className={classes["words"]}>
        <strong>{titleOfFailure(failure, state)}</strong>
        <p>{adviceOf(failure, now)}</p>
        {onAgain !== undefined && isLimit(failure) && <LimitMeter failure={failure} />}
        {onAgain !== undefined && (
          <Button variant="default" onClick={onAgain} w="fit-content">
            {state === "cut" ? "Answer again" : "Try again"}
          </Button>
        )}
      </div>
    </div>
  );
}

/** The limit that the refusal names, as it is now; the fullest where it names none. */
function LimitMeter({ failure }: { failure: Failure }) {
  const me = useQuery({ queryKey: ["me"], queryFn: () => body(api.GET("/me")), refetchInterval: 15_000 });
  const named = limitOf(failure);
  const readings = me.data === undefined ? [] : readingsOf(me.data.usage);
  const found = named === null ? readings[0] : readings.find(([name]) => name === named);
  if (found === undefined) return null;
  return (
    <div className={classes["meter"]}>
      <Meter name={found[0]} reading={found[1]} />
    </div>
  );
}
