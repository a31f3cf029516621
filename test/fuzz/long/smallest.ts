/** The input with as many bytes taken away as it can be without losing what is wrong with it. */
export const smallest = (input: Buffer, isWrong: (input: Buffer) => boolean): Buffer => {
  let best = input
  for (let size = best.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at + size <= best.length; ) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      if (isWrong(shorter)) best = shorter
      else at += size
    }
  return best
}
