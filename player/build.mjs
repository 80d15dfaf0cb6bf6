// @ts-check
// Bundles the pages' scripts and styles into dist/: hashed names, so that a browser may keep them for
// ever; compressed once here, so that the server never compresses; and a manifest, so that the
// templates can name them by their logical names.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import * as esbuild from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const assets = join(dist, "assets");

/** Too small to gain from compression, or compressed already. */
const NOT_COMPRESSED = new Set([".png", ".jpg", ".woff2"]);

await rm(dist, { recursive: true, force: true });
await mkdir(assets, { recursive: true });

const result = await esbuild.build({
  absWorkingDir: root,
  entryPoints: ["film", "live", "overlay", "storefront", "purchases", "wallet", "studio"].map(
    (name) => `src/${name}.js`,
  ),
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  bundle: true,
  // What the pages share is loaded once; the storefront shares nothing with the video engine.
  splitting: true,
  format: "esm",
  target: ["es2022", "chrome110", "firefox115", "safari16.4"],
  minify: true,
  legalComments: "none",
  metafile: true,
});
const styles = await esbuild.build({
  absWorkingDir: root,
  entryPoints: ["src/css/style.css", "src/css/studio.css", "src/css/overlay.css"],
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  target: ["chrome110", "firefox115", "safari16.4"],
  metafile: true,
});

/** @type {Record<string, string>} logical name → URL path */
const manifest = {};
for (const [output, meta] of Object.entries({
  ...result.metafile.outputs,
  ...styles.metafile.outputs,
})) {
  if (meta.entryPoint) manifest[basename(meta.entryPoint)] = `/assets/${basename(output)}`;
}
for (const name of await readdir(join(root, "assets"))) {
  const bytes = await readFile(join(root, "assets", name));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const hashed = `${basename(name, extname(name))}-${hash}${extname(name)}`;
  await writeFile(join(assets, hashed), bytes);
  manifest[name] = `/assets/${hashed}`;
}

// What others wrote and we ship keeps its licence beside it.
const shipped = JSON.parse(await readFile(join(root, "package.json"), "utf8")).dependencies;
const licences = await Promise.all(
  Object.keys(shipped).map(async (name) => {
    const folder = join(root, "node_modules", name);
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${shipped[name]}\n\n${file ? await readFile(join(folder, file), "utf8") : ""}\n`;
  }),
);
const text = licences.join(`\n${"-".repeat(80)}\n\n`);
const licencesHash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
await writeFile(join(assets, `licences-${licencesHash}.txt`), text);
manifest["licences.txt"] = `/assets/licences-${licencesHash}.txt`;

/** @param {string} path */
async function compress(path) {
  const bytes = await readFile(path);
  await Promise.all([
    promisify(gzip)(bytes, { level: 9 }).then((zipped) => writeFile(`${path}.gz`, zipped)),
    promisify(brotliCompress)(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
    }).then((zipped) => writeFile(`${path}.br`, zipped)),
  ]);
  return bytes.length;
}
for (const name of await readdir(assets)) {
  if (NOT_COMPRESSED.has(extname(name))) continue;
  const size = await compress(join(assets, name));
  console.log(`${name.padEnd(40)} ${String(Math.ceil(size / 1024)).padStart(5)} KiB`);
}
await writeFile(
  join(dist, "manifest.json"),
  `${JSON.stringify(Object.fromEntries(Object.entries(manifest).sort()), null, 2)}\n`,
);
