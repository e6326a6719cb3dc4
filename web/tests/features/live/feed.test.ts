import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { newFeed } from "~/features/live/feed";
import { newUserFeed } from "~/features/live/userFeed";
import { whenRefused } from "~/features/live/source";

/** What the browser gives to tabs, as far as the feed uses it. */
class Source extends EventTarget {
  static readonly CLOSED = 2;
  static open: Source[] = [];
  readyState = 1;

  constructor(readonly path: string) {
    super();
    Source.open.push(this);
  }

  say(kind: string, content: object): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(content) }));
  }

  refuse(): void {
    this.readyState = Source.CLOSED;
    this.dispatchEvent(new Event("error"));
  }

  close(): void {
    this.readyState = Source.CLOSED;
    Source.open = Source.open.filter((one) => one !== this);
  }
}

class Channel extends EventTarget {
  static all: Channel[] = [];

  constructor(readonly name: string) {
    super();
    Channel.all.push(this);
  }

  postMessage(data: unknown): void {
    for (const other of Channel.all) if (other !== this && other.name === this.name) other.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
  }

  close(): void {
    Channel.all = Channel.all.filter((one) => one !== this);
  }
}

class Locks {
  private readonly named = new Map<string, Lock>();

  request(name: string, { signal }: { signal: AbortSignal }, work: () => void | Promise<void>): Promise<void> {
    const lock = this.named.get(name) ?? new Lock();
    this.named.set(name, lock);
    return lock.request(signal, work);
  }
}

class Lock {
  private line: (() => void | Promise<void>)[] = [];
  private held = false;

  request(signal: AbortSignal, work: () => void | Promise<void>): Promise<void> {
    this.line.push(work);
    signal.addEventListener("abort", () => (this.line = this.line.filter((one) => one !== work)));
    this.next();
    return Promise.resolve();
  }

  private next(): void {
    const work = this.held ? undefined : this.line.shift();
    if (work === undefined) return;
    this.held = true;
    void Promise.resolve(work()).then(() => {
      this.held = false;
      this.next();
    });
  }
}

const point = (second: number) => ({ at: `2026-11-20T12:00:0${second}Z`, requests: second });
const tick = (second: number) => ({ at: point(second).at, point: point(second) });
const snapshot = (second: number) => ({ at: point(second).at, series: [point(second)] });
const times = (feed: ReturnType<typeof newFeed>) => feed.read().held?.series.map((one) => one.requests);
const nothing = () => undefined;
let hidden = false;

function turn(now: boolean): void {
  hidden = now;
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("navigator", { locks: new Locks() });
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  Source.open = [];
  Channel.all = [];
  hidden = false;
});

describe("the live feed", () => {
  it("is one stream for all tabs, and all of them hear it", () => {
    const tabs = Array.from({ length: 8 }, () => newFeed());
    for (const tab of tabs) tab.watch(nothing);
    expect(Source.open).toHaveLength(1);
    Source.open[0]?.say("snapshot", snapshot(1));
    Source.open[0]?.say("tick", tick(2));
    for (const tab of tabs) expect(times(tab)).toEqual([1, 2]);
    const late = newFeed();
    late.watch(nothing);
    expect(times(late)).toEqual([1, 2]);
    expect(late.read().connected).toBe(true);
  });

  it("is taken over by another tab when the one that held it goes", async () => {
    const [first, second] = [newFeed(), newFeed()];
    const leave = first.watch(nothing);
    second.watch(nothing);
    const [held] = Source.open;
    leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(Source.open).toHaveLength(1);
    expect(Source.open[0]).not.toBe(held);
    Source.open[0]?.say("snapshot", snapshot(3));
    expect(times(second)).toEqual([3]);
  });

  it("is closed while the page is hidden, whose figures stay, and opened when it is seen", async () => {
    const feed = newFeed();
    feed.watch(nothing);
    Source.open[0]?.say("snapshot", snapshot(1));
    turn(true);
    expect(Source.open).toHaveLength(0);
    expect(times(feed)).toEqual([1]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(feed.read().lost).toBe(false);
    turn(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(Source.open).toHaveLength(1);
  });

  it("tells when the gateway refuses it, and tries again", async () => {
    const feed = newFeed();
    const refused = vi.fn();
    whenRefused(refused);
    feed.watch(nothing);
    const [first] = Source.open;
    first?.refuse();
    expect(refused).toHaveBeenCalledOnce();
    expect(feed.read().lost).toBe(true);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(Source.open[0]).not.toBe(first);
  });

  it("that falls silent is opened again, and every tab says that it is lost", async () => {
    const tabs = [newFeed(), newFeed()];
    for (const tab of tabs) tab.watch(nothing);
    Source.open[0]?.say("snapshot", snapshot(1));
    const [first] = Source.open;
    await vi.advanceTimersByTimeAsync(10_000);
    for (const tab of tabs) expect(tab.read().lost).toBe(true);
    expect(Source.open).toHaveLength(1);
    expect(Source.open[0]).not.toBe(first);
  });
});

describe("the feed of a user", () => {
  const reading = (requests: number) => ({ at: point(1).at, month: { requests } });

  it("is of the user alone, and each event replaces the one before", () => {
    const [own, theirs, late] = [newUserFeed("ann", false), newUserFeed("a/b", true), newUserFeed("ann", false)];
    own.watch(nothing);
    theirs.watch(nothing);
    expect(Source.open.map(({ path }) => path)).toEqual(["/me/live", "/admin/users/a%2Fb/live"]);
    Source.open[0]?.say("snapshot", reading(1));
    Source.open[0]?.say("snapshot", reading(2));
    expect(own.read().held?.month.requests).toBe(2);
    expect(theirs.read().held).toBeNull();
    late.watch(nothing);
    expect(Source.open).toHaveLength(2);
    expect(late.read().held?.month.requests).toBe(2);
  });

  it("leaves nothing behind when the page is left", () => {
    const feed = newUserFeed("ann", false);
    const heard = vi.spyOn(document, "addEventListener");
    const left = vi.spyOn(document, "removeEventListener");
    const leave = feed.watch(nothing);
    Source.open[0]?.say("snapshot", reading(1));
    leave();
    expect(Source.open).toHaveLength(0);
    expect(feed.read().held).toBeNull();
    expect(left.mock.calls).toEqual(heard.mock.calls);
  });
});
