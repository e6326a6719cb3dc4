/** The build of the pages: the one that runs in this window, and the one that the gateway serves by now. */

const ENTRY = 'script[type="module"][src]';
const RELOADED = "tollkeeper.reloaded";

/** Name of the build that runs here: its first script, whose name holds a hash of everything it leads to. */
export function runningBuild(): string | null {
  return entryOf(document);
}

/** Name of the build that the gateway serves; null where it does not answer with a page. */
export async function servedBuild(): Promise<string | null> {
  try {
    const response = await window.fetch(import.meta.env.BASE_URL, { cache: "no-store" });
    return response.ok ? entryOf(new DOMParser().parseFromString(await response.text(), "text/html")) : null;
  } catch {
    return null;
  }
}

function entryOf(page: Document): string | null {
  return page.querySelector(ENTRY)?.getAttribute("src") ?? null;
}

/** Reload the page to run this build; false, and nothing done, where that was done before. */
export function reloadOnceFor(build: string): boolean {
  try {
    if (window.sessionStorage.getItem(RELOADED) === build) return false;
    window.sessionStorage.setItem(RELOADED, build);
  } catch {
    // Without storage nobody knows how often it was reloaded: better not at all than for ever.
    return false;
  }
  window.location.reload();
  return true;
}

const unfinished = new Set<symbol>();

/** Keep the page from being reloaded by itself until the returned function is called: something runs that would end with it. */
export function holdReload(): () => void {
  const held = Symbol();
  unfinished.add(held);
  return () => {
    unfinished.delete(held);
  };
}

export function mayReload(): boolean {
  return unfinished.size === 0;
}
