// @ts-check
// The commands of a document, as its readers copy them: the blocks of shell that `<!-- run: NAME -->` marks.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
export const run = promisify(execFile);

/** @param {string} document below the repository @param {string} name @returns {Promise<string>} */
export async function commands(document, name) {
  const text = await readFile(join(root, document), "utf8");
  const marked = new RegExp(`^<!-- run: ${name} -->\n\`\`\`sh\n(.*?)^\`\`\`$`, "gms");
  const found = [...text.matchAll(marked)].map((match) => match[1]);
  if (found.length !== 1) throw new Error(`${document} has ${found.length} blocks "${name}"`);
  return found[0];
}

/** Runs such a block, each line of which has to succeed. @param {string} name @param {string} [cwd] */
export async function follow(name, cwd = "/") {
  return run("bash", ["-euo", "pipefail", "-c", await commands("docs/operating.md", name)], {
    cwd,
  });
}
