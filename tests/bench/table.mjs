// @ts-check
// Figures: how they are summed up, and the table.

/**
 * A measured figure with its goal, a figure without one, or why there is none.
 *
 * @typedef {object} Row
 * @property {string} what
 * @property {string} [figure]
 * @property {string} [goal]
 * @property {boolean} [met]
 * @property {string} [fault] why it could not be measured
 */

/** @param {number[]} values @param {number} share from 0 to 1 */
export function percentile(values, share) {
  const sorted = values.toSorted((one, other) => one - other);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  if (value === undefined) throw new Error("nothing was measured");
  return value;
}

/** @param {number[]} values */
export const median = (values) => percentile(values, 0.5);

/** @param {number} value @param {number} [digits] */
export const decimal = (value, digits = 1) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/**
 * A figure that should not exceed its goal.
 *
 * @param {string} what
 * @param {number} value
 * @param {string} unit
 * @param {{ goal?: number, digits?: number, note?: string }} [more]
 * @returns {Row}
 */
export function atMost(what, value, unit, { goal, digits = 1, note } = {}) {
  const figure = `${decimal(value, digits)} ${unit}${note ? ` (${note})` : ""}`;
  if (goal === undefined) return { what, figure };
  return { what, figure, goal: `≤ ${goal} ${unit}`, met: value <= goal };
}

/** @param {Row[]} rows */
export function print(rows) {
  const lines = [
    ["", "measured", "goal", "met"],
    ...rows.map(({ what, figure, goal, met, fault }) => [
      what,
      fault === undefined ? (figure ?? "") : `ERROR: ${fault}`,
      goal ?? "–",
      fault === undefined ? (met === undefined ? "–" : met ? "yes" : "NO") : "–",
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const format = (/** @type {string[]} */ line) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = lines;
  console.log(format(head));
  console.log(format(widths.map((width) => "-".repeat(width))));
  for (const line of body) console.log(format(line));
}
