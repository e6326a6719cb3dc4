import { describe, expect, it } from "vitest";

import { apiQuery, callsSearch, chosen, drilled, filterWords, narrow, questionOf, widen } from "~/features/explorer/question";
import { UTC } from "~/ui/clock";
import { periodOf } from "~/ui/period";

import { asked } from "./samples";

const of = (search: string, admin = true) => questionOf(new URLSearchParams(search), admin);
const query = (search: string, admin = true) => {
  const { question, period } = asked(search, admin);
  return apiQuery(question, period);
};

describe("the question in the address", () => {
  it("is by user and cost where it says nothing, and by model of one's own", () => {
    expect(of("")).toEqual({ groups: ["user"], filters: [], sort: { by: "cost_usd", order: "desc" }, figure: "cost_usd", after: null });
    expect(of("", false).groups).toEqual(["model"]);
  });

  it.each([
    ["group_by=user,model", true, ["user", "model"]],
    ["group_by=user,model,day", true, ["user", "model"]],
    ["group_by=model,model", true, ["model"]],
    ["group_by=tag:project,tag:team", true, ["tag:project"]],
    ["group_by=tag:project,day", true, ["tag:project", "day"]],
    ["group_by=tag:", true, ["user"]],
    ["group_by=nonsense,key", true, ["key"]],
    ["group_by=user,team,key", false, ["key"]],
  ])("%s groups by one or two that there are", (search, admin, groups) => expect(of(search, admin).groups).toEqual(groups));

  it.each([
    ["order_by=errors", { by: "errors", order: "asc" }, "errors"],
    ["order_by=-latency_p95", { by: "latency_p95", order: "desc" }, "latency_p95"],
    ["order_by=-errors&figure=requests", { by: "errors", order: "desc" }, "requests"],
    ["order_by=toString", { by: "cost_usd", order: "desc" }, "cost_usd"],
    ["group_by=day", null, "cost_usd"],
    ["group_by=hour,model&order_by=-requests", { by: "requests", order: "desc" }, "requests"],
  ])("%s sorts, and the chart follows", (search, sort, figure) => expect(of(search)).toMatchObject({ sort, figure }));

  it("has the filters of the calls, and leaves out those that select nothing", () => {
    const { filters } = of("user=ann&team=&key=&status=toString&endpoint=/api/chat&tag=project:a:b");
    expect(filters).toEqual([
      { by: "user", value: "ann" },
      { by: "team", value: "" },
      { by: "endpoint", value: "/api/chat" },
      { by: "tag:project", value: "a:b" },
    ]);
    expect(filters.map(filterWords)).toEqual([
      { label: "User", value: "ann" },
      { label: "Team", value: "no team" },
      { label: "Endpoint", value: "/api/chat" },
      { label: "Tag project", value: "a:b" },
    ]);
    expect(of("user=ann&team=blue&model=m:1", false).filters).toEqual([{ by: "model", value: "m:1" }]);
  });
});

describe("the question to the API", () => {
  it("has its names", () => {
    expect(query("period=custom&from=2026-11-02&to=2026-11-03&group_by=key,tag:a%253Ab&order_by=-refused&user=ann&key=key_1&tag=a%253Ab:c&end_user=")).toEqual({
      from: "2026-11-02T00:00:00.000Z",
      to: "2026-11-04T00:00:00.000Z",
      compare: true,
      compare_from: "2026-10-31T00:00:00.000Z",
      group_by: "key,tag:a%3Ab",
      order_by: "-refused",
      user_id: "ann",
      key_id: "key_1",
      end_user: "",
      tag: "a%3Ab:c",
    });
    expect(query("group_by=day")).not.toHaveProperty("order_by");
  });

  it("ends with what has passed, so that as much is compared with it", () => {
    expect(query("period=today")).toMatchObject({ from: "2026-11-20T00:00:00.000Z", to: "2026-11-20T12:30:00.000Z", compare_from: "2026-11-19T00:00:00.000Z" });
    expect(query("period=month")).toMatchObject({ to: "2026-11-20T12:30:00.000Z", compare_from: "2026-10-01T00:00:00.000Z" });
    // The 31 days of March against all of February.
    const march = periodOf(new URLSearchParams(), new Date("2026-03-31T23:29:30Z"), UTC);
    expect(apiQuery(of(""), march)).toMatchObject({ to: "2026-04-01T00:00:00.000Z", compare_from: "2026-02-01T00:00:00.000Z" });
  });
});

/** The address after a click on a group's value, with its parameters in the order of the alphabet; null: the calls. */
function click(search: string, group: Parameters<typeof drilled>[1], value: string, admin = true): string | null {
  const next = drilled(asked(search, admin), group, value);
  return next.calls ? null : inOrder(next.params.toString());
}

function inOrder(search: string): string {
  const params = new URLSearchParams(search);
  params.sort();
  return decodeURIComponent(params.toString());
}

describe("a click on a group", () => {
  it("goes from user to model to hour to calls", () => {
    const day = "period=custom&from=2026-11-19&to=2026-11-19";
    expect(click(day, "user", "ann")).toBe(inOrder("group_by=model&from=2026-11-19&period=custom&to=2026-11-19&user=ann"));
    expect(click(`${day}&group_by=model&user=ann`, "model", "m:1")).toBe(inOrder("group_by=hour&figure=cost_usd&from=2026-11-19&model=m:1&period=custom&to=2026-11-19&user=ann"));
    expect(click(`${day}&group_by=hour&user=ann&model=m:1`, "hour", "2026-11-19T13:00:00Z")).toBeNull();
  });

  it("keeps the other group", () => {
    expect(click("group_by=user,model&period=7d", "user", "ann")).toBe(inOrder("group_by=model&period=7d&user=ann"));
    expect(click("group_by=user,model&period=7d", "model", "m:1")).toBe(inOrder("group_by=user&model=m:1&period=7d"));
    expect(click("group_by=day,model", "day", "2026-11-19")).toBe(inOrder("group_by=model&from=2026-11-19T00:00:00.000Z&period=custom&to=2026-11-20T00:00:00.000Z"));
  });

  it("goes by days in a longer period, and from a day to its hours", () => {
    expect(click("group_by=model&user=ann&period=7d", "model", "m:1")).toBe(inOrder("group_by=day&figure=cost_usd&model=m:1&period=7d&user=ann"));
    expect(click("group_by=day&user=ann&figure=errors", "day", "2026-11-19")).toBe(inOrder("group_by=hour&figure=errors&from=2026-11-19T00:00:00.000Z&period=custom&to=2026-11-20T00:00:00.000Z&user=ann"));
    expect(click("group_by=day,hour", "hour", "2026-11-19T13:00:00Z")).toBe(inOrder("group_by=user&from=2026-11-19T13:00:00.000Z&period=custom&to=2026-11-19T14:00:00.000Z"));
  });

  it("goes from what else there is to the model, and never to what is one value already", () => {
    expect(click("group_by=upstream&period=7d", "upstream", "local")).toBe(inOrder("group_by=model&period=7d&upstream=local"));
    expect(click("group_by=upstream&model=m:1&period=7d", "upstream", "local")).toBe(inOrder("group_by=user&model=m:1&period=7d&upstream=local"));
    expect(click("group_by=upstream&model=m:1&key=key_1&period=7d", "upstream", "local")).toContain("group_by=day&");
    expect(click("group_by=tag:project", "tag:project", "blue")).toBe(inOrder("group_by=user&tag=project:blue"));
    expect(click("group_by=model", "model", "m:1", false)).toBe(inOrder("group_by=day&figure=cost_usd&model=m:1"));
  });

  it("keeps the order, unless times follow, and begins at the first page", () => {
    expect(click("group_by=user&order_by=-errors&after=50", "user", "ann")).toBe(inOrder("group_by=model&order_by=-errors&user=ann"));
    expect(click("group_by=model&user=ann&order_by=-errors&period=today", "model", "m:1")).toBe(inOrder("group_by=hour&figure=errors&model=m:1&period=today&user=ann"));
  });
});

it("has nothing left but calls in one hour", () => {
  const hour = "period=custom&from=2026-11-19T13:00Z&to=2026-11-19T14:00Z&model=m:1&group_by=user";
  expect(click(hour, "user", "ann")).toBeNull();
});

describe("all groups of a row", () => {
  const params = new URLSearchParams("group_by=day,hour&order_by=-errors&figure=errors&period=7d&user=ann&refused=x");
  const WEEK = { from: "2026-11-14T00:00:00.000Z", to: "2026-11-21T00:00:00.000Z" };
  it("are filters", () => {
    expect(decodeURIComponent(chosen(params, WEEK, ["model", "tag:project"], ["m:1", ""])?.params.toString() ?? "")).toContain("model=m:1&tag=project:");
    const hour = chosen(params, WEEK, ["hour", "day"], ["2026-11-19T13:00:00Z", "2026-11-19"]);
    const span = { from: "2026-11-19T13:00:00.000Z", to: "2026-11-19T14:00:00.000Z" };
    expect(hour?.period).toEqual(span);
    expect(Object.fromEntries(hour?.params ?? [])).toMatchObject(span);
  });
  it("are none where one has no value to filter by", () => expect(chosen(params, WEEK, ["model", "user"], ["", "ann"])).toBeNull());
  it("are of the calls without what only the explorer has", () => expect(decodeURIComponent(callsSearch({ params, period: WEEK }))).toBe(`?period=custom&user=ann&from=${WEEK.from}&to=${WEEK.to}`));
});

it("adds filters and takes them away", () => {
  const params = new URLSearchParams("after=50");
  narrow(params, "tag:project", "blue");
  narrow(params, "user", "ann");
  expect(decodeURIComponent(params.toString())).toBe("tag=project:blue&user=ann");
  for (const filter of questionOf(params, true).filters) widen(params, filter);
  expect(params.toString()).toBe("");
});
