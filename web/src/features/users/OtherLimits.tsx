import { describeLimit } from "~/features/limits/words";
import { useUserLimits } from "~/features/users/users";

import classes from "./OtherLimits.module.css";

/** The limits that have no meter: on the size of a request, and on the models that may be used. */
export function OtherLimits({ userId }: { userId: string }) {
  const { data } = useUserLimits(userId);
  const size = data?.max_tokens_per_request ?? null;
  const allowed = data?.allowed_models ?? null;
  const words = [
    ...(size === null ? [] : [describeLimit("max_tokens_per_request", size)]),
    ...(allowed === null ? [] : [allowed.length === 0 ? "no model is allowed: every request is refused" : `models: only ${allowed.join(", ")}`]),
  ];
  return words.length === 0 ? null : <p className={classes["other"]}>Besides: {words.join("; ")}.</p>;
}
