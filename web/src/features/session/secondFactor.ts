/** One's own second factor: what there is, and changes to it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { readSession, SESSION } from "~/features/session/session";

export type SetUp = Schemas["SetUpBody"];

const SECOND_FACTOR = ["second factor"] as const;

export function useSecondFactor() {
  return useQuery({ queryKey: SECOND_FACTOR, queryFn: () => body(api.GET("/auth/second-factor")) });
}

/** Changes, each a plain promise: a wrong password is answered with 401, which for a mutation means that the session has ended. */
export function useSecondFactorChanges(): {
  setUp: (password: string) => Promise<SetUp>;
  confirm: (code: string) => Promise<string[]>;
  newCodes: (password: string, code: string) => Promise<string[]>;
  turnOff: (password: string, code: string) => Promise<void>;
  /** Read anew what there is; the session is another once a second factor that it needed is there. */
  refresh: () => Promise<void>;
} {
  const queries = useQueryClient();
  return {
    setUp: (password) => body(api.POST("/auth/second-factor/setup", { body: { password } })),
    confirm: async (code) => (await body(api.POST("/auth/second-factor/confirm", { body: { code } }))).recovery_codes,
    newCodes: async (password, code) =>
      (await body(api.POST("/auth/second-factor/recovery-codes", { body: { password, code } }))).recovery_codes,
    turnOff: async (password, code) => {
      await body(api.POST("/auth/second-factor/disable", { body: { password, code } }));
    },
    async refresh() {
      await queries.invalidateQueries({ queryKey: SECOND_FACTOR });
      queries.setQueryData(SESSION, await readSession());
    },
  };
}
