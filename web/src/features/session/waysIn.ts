/** How people sign in at this gateway, and what the sign-in page says when a provider did not sign them in. */
import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";

export type WaysIn = Schemas["WaysInBody"];
export type Provider = WaysIn["providers"][number];

export function useWaysIn() {
  return useQuery({ queryKey: ["ways in"], queryFn: () => body(api.GET("/auth/providers")), staleTime: Infinity });
}

/** Where the button of a provider leads: there, and from there back to the page that was asked for. */
export function startOf(provider: Provider, next: string | null): string {
  return next === null ? provider.start : `${provider.start}?next=${encodeURIComponent(next)}`;
}

const FAILURES: ReadonlyMap<string, string> = new Map([
  ["expired", "The sign-in took too long, or was begun in another browser or tab. Try again."],
  ["denied", "The provider did not sign you in. Try again, or ask whoever manages your account there."],
  ["provider_unavailable", "The provider cannot be reached right now. Try again in a moment."],
  ["provider_error", "The provider reports an error. Try again; if it stays so, tell the operator of this gateway."],
  ["token_refused", "The provider’s answer could not be verified. Try again; if it stays so, tell the operator of this gateway."],
  ["unknown_user", "You have no account here. Ask an admin for one, or to link yours to the provider."],
  ["account_suspended", "Your account is suspended. Ask the admin who gave it to you."],
  ["account_closed", "Your account is closed. Ask the admin who gave it to you."],
  ["unavailable", "The gateway cannot sign anybody in right now. Try again in a moment."],
  ["too_many", "Too many sign-ins are under way at your address. Try again in a few minutes."],
]);

/** The failure that the address names, in words; null: none. Nothing of the address itself is shown. */
export function failureWords(code: string | null): string | null {
  if (code === null) return null;
  return FAILURES.get(code) ?? "The sign-in did not succeed. Try again.";
}
