// @ts-check
// The commands of a document, as its readers copy them: the blocks of shell that `<!-- run: NAME -->` marks.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
export const run = promisify(execFile);

/** @param {string} document below the repository @param {string} name @returns {Promise<string>} */
async function commands(document, name) {
  const text = await readFile(join(root, document), "utf8");
  // In a list both the mark and the block are indented.
  const marked = new RegExp(`^( *)<!-- run: ${name} -->\n\\1\`\`\`sh\n(.*?)^\\1\`\`\`$`, "gms");
  const found = [...text.matchAll(marked)].map((match) =>
    match[2].replaceAll(`\n${match[1]}`, "\n"),
  );
  if (found.length !== 1) throw new Error(`${document} has ${found.length} blocks "${name}"`);
  return found[0];
}

/**
 * Runs such a block, each command of which has to succeed, and returns what it says.
 * `within` is what the shell is run by.
 * @param {string} name
 * @param {{ cwd?: string, document?: string, within?: string[], change?: (commands: string) => string }} [how]
 */
export async function follow(
  name,
  { cwd = "/", document = "docs/operating.md", within = [], change = (commands) => commands } = {},
) {
  const block = change(await commands(document, name));
  try {
    const [program, ...words] = [...within, "bash", "-euo", "pipefail", "-c", block];
    return await run(program, words, { cwd });
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout: string, stderr: string }} */ (error);
    throw new Error(`"${name}" of ${document} failed:\n${stdout}${stderr}`);
  }
}
