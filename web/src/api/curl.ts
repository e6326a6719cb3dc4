/** A curl command for this gateway, with its own address. The key is left out: it is only shown when it is made. */
export function curlCommand(model: string, path = "/v1/chat/completions", stream = false): string {
  const input = path.endsWith("/embeddings")
    ? { input: "Hello" }
    : path.endsWith("/chat/completions")
      ? { messages: [{ role: "user", content: "Hello" }] }
      : { prompt: "Hello" };
  // How a shell writes a single quote inside single quotes.
  const request = JSON.stringify({ model, ...input, ...(stream && { stream }) }).replaceAll("'", "'\\''");
  return [
    `curl ${window.location.origin}${path} \\`,
    '  -H "Authorization: Bearer $TOLLKEEPER_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d '${request}'`,
  ].join("\n");
}
