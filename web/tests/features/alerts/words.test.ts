import { expect, it } from "vitest";

import { type Alert, highest } from "~/features/alerts/alerts";
import { alertWords, eventLine, ownSubject, pathOf, subjectOf } from "~/features/alerts/words";

const ALERT: Alert = {
  id: "ann", kind: "user", user_id: "ann", team_id: null, limit: "cost_usd_per_month", model: null, percent: 80, since: "2026-11-20T12:00:00Z",
  event_id: "evt_1",
};
const KEY: Alert = { ...ALERT, kind: "key", id: "key_1", limit: "tokens_per_day", model: "tiny", percent: 100 };
const TEAM: Alert = { ...ALERT, kind: "team", id: "ops", user_id: null, team_id: "ops" };
const PERSON: Alert = { ...ALERT, kind: "end_user", id: "eu_1" };
const DOWN: Alert = { ...ALERT, kind: "upstream", id: "gpu", user_id: null, limit: null, percent: null };
const EVERYONE: Alert = { ...ALERT, kind: "everyone", id: "", user_id: null };

it("says what an alert is, and of whom", () => {
  expect([alertWords(ALERT), subjectOf(ALERT)]).toEqual(["80 % of cost per month", "ann"]);
  expect([alertWords(KEY), subjectOf(KEY)]).toEqual(["100 % of tokens per day, tiny", "key key_1 of ann"]);
  expect([alertWords(DOWN), subjectOf(DOWN)]).toEqual(["takes no requests", "upstream gpu"]);
  expect(subjectOf(EVERYONE)).toBe("everyone together");
  expect([subjectOf(TEAM), subjectOf(PERSON)]).toEqual(["team ops", "end user eu_1 of ann"]);
  expect([ALERT, KEY, TEAM, PERSON].map(ownSubject)).toEqual(["", "Key key_1: ", "Your team: ", "End user eu_1: "]);
});

it("leads to what an alert is about", () => {
  expect([ALERT, KEY, PERSON].map(pathOf)).toEqual(["/admin/users/ann", "/admin/users/ann", "/admin/users/ann"]);
  expect([TEAM, DOWN, EVERYONE].map(pathOf)).toEqual(["/admin/teams/ops", "/admin/upstreams/gpu", null]);
});

it("says an event in one line", () => {
  const budget = { owner: "user", user_id: "ann", limit: "cost_usd_per_month", model: null, value: "10", used: "8.5", percent: 80 };
  expect(eventLine("budget.threshold", budget)).toBe("ann: 80 % of cost per month reached, $8.50 of $10.00");
  expect(eventLine("budget.exhausted", { ...budget, owner: "everyone" })).toBe("everyone together: 80 % of cost per month reached, $8.50 of $10.00");
  expect(eventLine("budget.exhausted", { ...budget, owner: "key", key_id: "key_1", limit: "tokens_total", value: 1000, used: 1000, percent: 100 })).toBe("key key_1: 100 % of tokens in all reached, 1,000 of 1,000");
  expect(eventLine("budget.exhausted", { ...budget, owner: "end_user", end_user_id: "eu_1" })).toBe("end user eu_1: 80 % of cost per month reached, $8.50 of $10.00");
  expect(eventLine("upstream.down", { upstream: "gpu", reason: "it fails its probe" })).toBe("gpu: it fails its probe");
  expect(eventLine("key.created", { prefix: "sk-ann…xyz1", user_id: "ann", by: "root" })).toBe("sk-ann…xyz1 of ann, by root");
  expect(eventLine("user.suspended", { user_id: "ann", by: "@bootstrap" })).toBe("ann, by the bootstrap admin key");
  const invoice = { number: "TK-2026-000123", month: "2026-10", payer: { team_id: "blue" }, total_usd: "12.30" };
  expect(eventLine("invoice.paid", invoice)).toBe("TK-2026-000123: $12.30, October 2026, team blue");
});

it("shows of each budget the highest percentage that is reached", () => {
  const [low, top, other]: Alert[] = [{ ...ALERT, percent: 50 }, ALERT, { ...ALERT, limit: "tokens_per_day", percent: 50 }];
  expect(highest([DOWN, low, top, other].filter((alert) => alert !== undefined))).toEqual([DOWN, top, other]);
  expect(highest([ALERT, { ...ALERT, percent: 50 }])).toEqual([ALERT]);
});
