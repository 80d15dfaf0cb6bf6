// @ts-check
// Programs under measurement: started, asked over kept-alive connections, ended by their own pid.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** @import { ChildProcess } from "node:child_process" */
/** @import { IncomingMessage } from "node:http" */

export const run = promisify(execFile);
export const bin = process.env.SATREEL_BIN ?? "bin";

/** A program that says on stderr when it is ready. */
export class Program {
  /** @type {string[]} */
  log = [];
  /** @type {ChildProcess} */
  #child;
  /** @type {Promise<unknown>} */
  #ended;

  /** @param {string} program @param {string[]} args */
  constructor(program, args) {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    // A program that can't be started ends at once, too.
    this.#ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.log.push(line);
      child.emit("log", line);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Waits for a line of the log. @param {RegExp} pattern @returns {Promise<RegExpMatchArray>} */
  async says(pattern) {
    return new Promise((resolve, reject) => {
      this.#child.on("log", (line) => {
        const match = line.match(pattern);
        if (match) resolve(match);
      });
      void this.#ended.then(() =>
        reject(new Error(`${this.#child.spawnfile} ended early: ${this.log.join(" / ")}`)),
      );
    });
  }

  async end() {
    this.#child.kill("SIGTERM");
    await this.#ended;
  }
}

const WALLET = `[payments]
backend = "wallet"
`;

/**
 * A server on a data folder, with the built-in wallet unless told otherwise. One visitor may do here
 * what thousands do.
 *
 * @param {string} data
 * @param {string} [payments] the configuration's tables of the payment backend
 */
export async function satreel(data, payments = WALLET) {
  const config = join(data, "satreel.toml");
  await writeFile(
    config,
    `[site]
name = "Bench"
url = "http://127.0.0.1:1"
data = ${JSON.stringify(data)}
[server]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
${payments}[limits]
orders_per_minute = 1000000
tokens_per_minute = 1000000
grants_per_minute = 1000000
looks_per_minute = 1000000
streams = 16384
all_orders_per_second = 1000000
all_lookups_per_second = 1000000
all_streams = 16384
open_invoices = 1000000
`,
  );
  const program = new Program(join(bin, "satreel"), ["serve", "--config", config]);
  const [, port] = await program.says(/serving address=127\.0\.0\.1:(\d+)/);
  return { program, client: new Client(Number(port)) };
}

/** Talks to one server over connections that stay open. */
export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  /** @param {number} port */
  constructor(port) {
    this.port = port;
  }

  /**
   * The answer's head; its body is still to be read.
   *
   * @param {string} method
   * @param {string} path
   * @param {{ headers?: Record<string, string>, body?: unknown }} [what]
   * @returns {Promise<IncomingMessage>}
   */
  async open(method, path, { headers = {}, body } = {}) {
    const text = body === undefined ? "" : JSON.stringify(body);
    const asked = request({
      ...{ host: "127.0.0.1", port: this.port, agent: this.#agent, method, path },
      headers: {
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        ...headers,
      },
    });
    asked.end(text);
    const [answer] = await once(asked, "response");
    return answer;
  }

  /** @param {string} path */
  async get(path) {
    const answer = await this.open("GET", path);
    const body = await collect(answer);
    if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode} ${body}`);
    return body;
  }

  /**
   * @param {string} path
   * @param {unknown} body
   * @param {Record<string, string>} [headers]
   */
  async post(path, body, headers) {
    const answer = await this.open("POST", path, { headers, body });
    const text = (await collect(answer)).toString();
    if (!String(answer.statusCode).startsWith("2")) {
      throw new Error(`POST ${path}: ${answer.statusCode} ${text}`);
    }
    return JSON.parse(text);
  }

  close() {
    this.#agent.destroy();
  }
}

/** @param {IncomingMessage} answer */
async function collect(answer) {
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks);
}
