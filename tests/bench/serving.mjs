// @ts-check
// Media through the gate, each request with a grant to check, beside plain nginx with sendfile
// and nothing to check: the same files, connections and cores, by turns.

import { writeFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { Client, Program, run, satreel } from "./program.mjs";
import { decimal, median } from "./table.mjs";
import { FILES, FILM, writeFilm } from "./titles.mjs";

/** @import { Row } from "./table.mjs" */

const ROUNDS = 5;
const SECONDS = 2;
const THREADS = 2;
const CONNECTIONS = 32;

/** @type {[string, string][]} */
const CASES = [
  ["playlist, 1.2 KB", FILES.playlist],
  ["segment, 64 KB", FILES.small],
  ["segment, 1 MB", FILES.large],
];

/** @param {string} folder */
export async function serving(folder) {
  const data = join(folder, "serving");
  await mkdir(data);
  const files = writeFilm(data);
  const ours = await satreel(data);
  try {
    const theirs = await nginx(folder, join(data, "titles"));
    try {
      const grant = await bought(ours.client);
      /** @type {Row[]} */
      const rows = [];
      for (const [what, file] of CASES) {
        const bytes = await readFile(join(files, file));
        const our = { client: ours.client, path: `/m/${grant}/${FILM}/${file}` };
        const their = { client: theirs.client, path: `/${FILM}/${file}` };
        for (const { client, path } of [our, their]) {
          if (!bytes.equals(await client.get(path))) throw new Error(`${file} comes out wrong`);
          // Not kept: it would be idle while others are under load, and closed some time.
          client.close();
        }
        rows.push(await compared(what, our, their));
      }
      return rows;
    } finally {
      theirs.client.close();
      await theirs.program.end();
    }
  } finally {
    ours.client.close();
    await ours.program.end();
  }
}

/** @typedef {{ client: Client, path: string }} Target */

/** @param {string} what @param {Target} our @param {Target} their @returns {Promise<Row>} */
async function compared(what, our, their) {
  /** @type {number[]} */
  const ours = [];
  /** @type {number[]} */
  const theirs = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever goes first changes, too: a slow moment of the machine hits both alike.
    const turns = [
      async () => void ours.push(await load(our)),
      async () => void theirs.push(await load(their)),
    ];
    for (const turn of round % 2 ? turns.toReversed() : turns) await turn();
  }
  const ratio = median(ours) / median(theirs);
  return {
    what: `requests per second: ${what}`,
    figure:
      `${decimal(median(ours), 0)}; nginx ${decimal(median(theirs), 0)}; ` +
      `ratio ${decimal(ratio, 2)}`,
    goal: "nginx × 1",
    met: ratio >= 1,
  };
}

/** Requests per second. @param {Target} target */
async function load({ client, path }) {
  const args = [`-t${THREADS}`, `-c${CONNECTIONS}`, `-d${SECONDS}s`];
  const { stdout } = await run("wrk", [...args, `http://127.0.0.1:${client.port}${path}`]);
  const fault = stdout.match(/Non-2xx.*|Socket errors.*/)?.[0];
  if (fault) throw new Error(`${path.slice(-12)}: ${fault}`);
  return Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)?.[1]);
}

/** A grant for the whole film, paid for. @param {Client} client */
async function bought(client) {
  const order = await client.post("/api/orders", { title: FILM, tier: "own" });
  await client.post("/wallet/pay", { payment_request: order.payment_request });
  const { token } = await client.post("/api/tokens", { ticket: order.ticket });
  const bearer = { authorization: `Bearer ${token}` };
  const { grant } = await client.post("/api/grants", { title: FILM }, bearer);
  return String(grant);
}

/** @param {string} folder @param {string} root */
async function nginx(folder, root) {
  const prefix = join(folder, "nginx");
  await mkdir(prefix);
  const port = await freePort();
  const config = join(prefix, "nginx.conf");
  const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${join(prefix, kind)};`)
    .join("\n");
  writeFileSync(
    config,
    // Workers of a master run by root would otherwise be nobody, who may not look in here.
    `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;
worker_processes ${availableParallelism()};
pid ${join(prefix, "pid")};
error_log stderr notice;
events { worker_connections 1024; }
http {
${kept}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  types { application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`,
  );
  const program = new Program("nginx", ["-p", prefix, "-c", config, "-e", "stderr"]);
  await program.says(/start worker process \d+/);
  return { program, client: new Client(port) };
}

/** nginx must be told a port: one that was free a moment ago. @returns {Promise<number>} */
async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
