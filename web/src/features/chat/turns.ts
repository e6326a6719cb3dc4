/** Which tab of this browser an answer runs in, by the browser's locks: a tab holds one for each of its running answers. */

export interface Turns {
  /** Hold an answer's lock until the returned function is called. */
  hold: (answerId: string) => () => void;
  /** The ids of the answers that run, in whatever tab. */
  running: () => Promise<ReadonlySet<string>>;
}

const PREFIX = "tollkeeper.answer.";

/** Browsers have locks on HTTPS and loopback only. Elsewhere a tab knows of its own answers alone. */
const locks: LockManager | undefined = "locks" in navigator ? navigator.locks : undefined;

export const browserTurns: Turns = {
  hold(answerId) {
    let release: () => void = () => undefined;
    const held = new Promise<void>((done) => (release = done));
    void locks?.request(PREFIX + answerId, () => held);
    return release;
  },
  async running() {
    const { held = [], pending = [] } = (await locks?.query()) ?? {};
    return new Set([...held, ...pending].flatMap(({ name }) => (name?.startsWith(PREFIX) === true ? [name.slice(PREFIX.length)] : [])));
  },
};
