// Writes vectors.json: what Node's crypto makes of secrets, bodies and headers, judged as Bentley's sample for Node judges
// them. That splits the header at each "=", computes the HMAC of the body's text with the algorithm so named, and compares
// the hexadecimal digits in lower case.
//
//     node testdata/vectors.js > testdata/vectors.json
"use strict";
const { createHmac } = require("crypto");

const hex = (algorithm, secret, body) => createHmac(algorithm, secret).update(body, "utf-8").digest("hex");

function sampleAccepts(secret, body, header) {
  const parts = header.split("=");
  if (parts.length < 2) return false;
  try {
    return hex(parts[0], secret, body).toLowerCase() === parts[1].toLowerCase();
  } catch {
    return false; // no such algorithm; the sample fails, and answers 500
  }
}

const secret = "4eb25d308ef2a9722ffbd7a2b7e5026f9d1f2feaca5999611d4ef8692b1ad70d";
const event = (content) =>
  `{"content":${content},"eventType":"iModels.iModelDeleted.v1","iTwinId":"5c9d64cf-d22f-4149-ad08-c24ff395c3a0",` +
  `"enqueuedDateTime":"10/12/2023 6:25:39 PM","messageId":"d0d5ae2b-77cd-4361-bfee-ee42a1f8a0a9",` +
  `"webhookId":"64bf51b3-0867-4c3c-a7f2-5523fd1968bf"}`;
const deleted = event('{"imodelId":"24659f92-e858-4c92-b964-dcca921ccd28"}');
const signed = (key, body) => "sha256=" + hex("sha256", key, body);

const rows = [
  ["an event", secret, deleted, signed(secret, deleted)],
  ["digits in upper case", secret, deleted, "sha256=" + hex("sha256", secret, deleted).toUpperCase()],
  ["the scheme in upper case", secret, deleted, "SHA256=" + hex("sha256", secret, deleted)],
  ["text beyond ASCII", secret, event('{"name":"Brücke 東京 🌉"}'), signed(secret, event('{"name":"Brücke 東京 🌉"}'))],
  ["line breaks", secret, "{\r\n  \"content\": {}\n}\n", signed(secret, "{\r\n  \"content\": {}\n}\n")],
  ["no JSON", secret, "not JSON", signed(secret, "not JSON")],
  ["a secret beyond ASCII", "Geheimnis-äöü-秘密-0123456789abcdef", deleted, signed("Geheimnis-äöü-秘密-0123456789abcdef", deleted)],
  ["a secret longer than a block", secret.repeat(3), deleted, signed(secret.repeat(3), deleted)],
  ["another secret", secret, deleted, signed(secret + "\n", deleted)],
  ["another body", secret, deleted + "\n", signed(secret, deleted)],
  ["the last digit differs", secret, deleted, signed(secret, deleted).replace(/.$/, (c) => (c === "0" ? "1" : "0"))],
  ["half of the digits", secret, deleted, signed(secret, deleted).slice(0, -32)],
  ["no scheme", secret, deleted, hex("sha256", secret, deleted)],
  ["an algorithm that does not exist", secret, deleted, "sha257=" + hex("sha256", secret, deleted)],
  // What the sample accepts and the platform does not send.
  ["SHA-1", secret, deleted, "sha1=" + hex("sha1", secret, deleted)],
  ["SHA-512", secret, deleted, "sha512=" + hex("sha512", secret, deleted)],
  ["text after the digits", secret, deleted, signed(secret, deleted) + "=more"],
];

const vectors = rows.map(([name, secret, body, header]) => ({
  name, secret, body, header, sampleAccepts: sampleAccepts(secret, body, header),
}));
process.stdout.write(JSON.stringify(vectors, null, 2) + "\n");
