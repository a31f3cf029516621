export const median = (values: readonly number[]): number => {
  if (values.length === 0) throw new Error('no values')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export const geometricMean = (values: readonly number[]): number => {
  if (values.length === 0) throw new Error('no values')
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** How often `ours` goes into `theirs`: the median over the rounds, so that what slows a whole round down cancels out. */
export const medianRatio = (theirs: readonly number[], ours: readonly number[]): number => {
  if (theirs.length !== ours.length) throw new Error('samples of different rounds')
  return median(theirs.map((value, round) => value / ours[round]!))
}

/** `12.3 [11.9–14.0]` */
export const spread = (values: readonly number[]): string =>
  `${digits(median(values))} [${digits(Math.min(...values))}–${digits(Math.max(...values))}]`

/** Three significant digits, never in scientific notation. */
export const digits = (value: number): string => {
  if (value >= 100) return value.toFixed(0)
  if (value >= 10) return value.toFixed(1)
  return value.toFixed(2)
}
