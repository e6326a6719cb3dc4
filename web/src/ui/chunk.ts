/** Code that is fetched when it is first needed, and again when that failed: the gateway may have been restarted, upgraded or out of
 * reach at that moment. */
import { runningBuild, servedBuild } from "~/ui/build";

/** Why something is missing. `unreachable`: the gateway does not answer. `upgraded`: it serves another build of the pages. `failed`:
 * it answers, and this part does not come. */
export type Reason = "unreachable" | "upgraded" | "failed";

export interface Failed {
  reason: Reason;
  /** The build that the gateway serves; null where it does not answer. */
  served: string | null;
  /** How often it failed. */
  times: number;
}

export interface ChunkState<Content> {
  content: Content | null;
  failed: Failed | null;
  loading: boolean;
}

export class Chunk<Content> {
  private state: ChunkState<Content> = { content: null, failed: null, loading: false };
  private readonly watchers = new Set<() => void>();
  private running: Promise<void> | null = null;

  constructor(private readonly fetch: () => Promise<Content>) {}

  readonly read = (): ChunkState<Content> => this.state;

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed);
    return () => {
      this.watchers.delete(changed);
    };
  };

  /** Fetch it unless it is here. Never throws: `read` says how it went. */
  load(): Promise<void> {
    if (this.state.content !== null) return Promise.resolve();
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async run(): Promise<void> {
    this.show({ loading: true });
    try {
      this.show({ content: await this.fetch(), failed: null, loading: false });
    } catch {
      const served = await servedBuild();
      const reason = served === null ? "unreachable" : served === runningBuild() ? "failed" : "upgraded";
      this.show({ failed: { reason, served, times: (this.state.failed?.times ?? 0) + 1 }, loading: false });
    }
  }

  private show(changed: Partial<ChunkState<Content>>): void {
    this.state = { ...this.state, ...changed };
    for (const watcher of this.watchers) watcher();
  }
}
