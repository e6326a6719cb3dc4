import { ApiError, messageOf } from "~/api/client";
import type { Faults } from "~/features/limits/draft";

/** The key of a message that belongs to no field. */
export const ANYWHERE = "";

/** The gateway's message at the field it names; under `ANYWHERE` where it names none. */
export function faultsOf(error: unknown): Faults {
  const message = messageOf(error);
  const param = error instanceof ApiError ? (error.param ?? ANYWHERE).replace(/^limits\./, "") : ANYWHERE;
  return { [param]: message, [ANYWHERE]: param === ANYWHERE ? message : "Not taken; the field above says why." };
}
