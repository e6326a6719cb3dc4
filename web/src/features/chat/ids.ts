/** A new id, 128 random bits; `crypto.randomUUID` exists on HTTPS and loopback only. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
