import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// No test is about time: what does not come is waited for as long as a test may take.
configure({ asyncUtilTimeout: 50_000 });

// What jsdom lacks and Mantine asks for.
Object.defineProperty(window, "matchMedia", {
  value: (query: string) => ({
    matches: false,
    media: query,
    addEventListener: vi.fn(),
    removeEventListener: vi.fn(),
  }),
});
Object.defineProperty(window, "ResizeObserver", {
  value: class {
    observe = vi.fn();
    unobserve = vi.fn();
    disconnect = vi.fn();
  },
});
Element.prototype.scrollIntoView = vi.fn();

afterEach(cleanup);
