/** The kinds of upstream, for people. What they differ in is the gateway's: a field that is left empty is the kind's. */
import type { Schemas } from "~/api/client";

export type KindName = Schemas["UpstreamForm"]["kind"];

interface Kind {
  label: string;
  /** Null: there is no usual address, and one must be given. */
  baseUrl: string | null;
  /** The requests that run at once; 0: no bound. */
  slots: number;
  /** Whether its answers may be charged for, unless an upstream says otherwise. */
  paid: boolean;
}

export const KINDS: Readonly<Record<KindName, Kind>> = {
  ollama: { label: "Ollama", baseUrl: "http://localhost:11434", slots: 8, paid: false },
  openai: { label: "OpenAI", baseUrl: "https://api.openai.com/v1", slots: 0, paid: true },
  openrouter: { label: "OpenRouter", baseUrl: "https://openrouter.ai/api/v1", slots: 0, paid: true },
  anthropic: { label: "Anthropic", baseUrl: "https://api.anthropic.com", slots: 0, paid: true },
  "openai-compatible": { label: "OpenAI-compatible", baseUrl: null, slots: 0, paid: true },
};

export const KIND_NAMES = Object.keys(KINDS) as KindName[];

export function isKind(name: string | null): name is KindName {
  return name !== null && name in KINDS;
}

export function kindLabel(name: string): string {
  return isKind(name) ? KINDS[name].label : name;
}
