import { Button } from "@mantine/core";
import { IconAlertCircle, IconPlugConnectedX } from "@tabler/icons-react";

import type { Failure } from "~/features/chat/conversation";
import { adviceOf, isLimit, isOfTeam, limitOf, titleOfFailure } from "~/features/chat/failures";
import { LimitMeter } from "~/features/limits/LimitMeter";
import { readingsOf } from "~/features/limits/readings";
import { useMe } from "~/features/session/useMe";
import { useClock } from "~/ui/clock";
import { useNow } from "~/ui/useNow";

import classes from "./Messages.module.css";

interface FailureProps {
  failure: Failure;
  state: "refused" | "cut";
  onAgain: (() => void) | undefined;
}

/** Why an answer is missing or incomplete: in words, and with the limit that was reached. */
export function FailureView({ failure, state, onAgain }: FailureProps) {
  const now = useNow(1_000);
  const clock = useClock();
  const Icon = state === "cut" ? IconPlugConnectedX : IconAlertCircle;
  return (
    <div className={classes["failure"]}>
      <Icon size={18} stroke={1.8} aria-hidden />
      <div className={classes["words"]}>
        <strong>{titleOfFailure(failure, state)}</strong>
        <p>{adviceOf(failure, now, clock)}</p>
        {onAgain !== undefined && isLimit(failure) && <ReachedLimit failure={failure} />}
        {onAgain !== undefined && (
          <Button variant="default" onClick={onAgain} w="fit-content">
            {state === "cut" ? "Answer again" : "Try again"}
          </Button>
        )}
      </div>
    </div>
  );
}

/** The limit that was reached, as it is now; the fullest where the failure names none. */
function ReachedLimit({ failure }: { failure: Failure }) {
  const me = useMe();
  const named = limitOf(failure);
  const readings = me.data === undefined ? [] : readingsOf((isOfTeam(failure) ? me.data.team_usage : me.data.usage) ?? {});
  const found = named === null ? readings[0] : readings.find(([name]) => name === named);
  if (found === undefined) return null;
  return (
    <div className={classes["meter"]}>
      <LimitMeter name={found[0]} reading={found[1]} />
    </div>
  );
}
