// An OpenID provider (the package oidc-provider) for tests, on loopback. Whoever signs in as NAME is the sub NAME, and
// has an address, groups and roles by that name. Arguments: the port, the clients as JSON, and the id of its key.
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";

import { Provider } from "oidc-provider";

const [port, clients, kid] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const server = createServer();
server.listen(Number(port), "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: JSON.parse(clients),
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" }] },
    cookies: { keys: ["only for tests"] },
    // A client may ask for ID tokens that are signed with its secret, which must convince nobody.
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "HS256"] },
    claims: { openid: ["sub", "groups", "roles"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    // Its own refuses addresses on loopback.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@corp.example`,
        email_verified: !id.startsWith("unverified"),
        groups: ["staff"],
        roles: id.startsWith("boss") ? ["toll-admin"] : [],
        name: `Name of ${id}`,
        preferred_username: id,
      }),
    }),
    // Nobody is asked for consent.
    async loadExistingGrant(ctx) {
      const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  provider.on("server_error", (_, error) => console.error(error));
  provider.on("backchannel.error", (_, error) => console.error(error));
  server.on("request", provider.callback());
  console.log(`listens on ${issuer}`);
});
