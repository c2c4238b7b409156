/** Reads the highest value since it last read. */
export interface MaxReader {
  take(): number
  close(): void
}

/**
 * Keeps the highest value for each of several readers, who read at times of their own.
 * @param current the value at the moment of reading, which counts too
 */
export function createMaxTracker(current: () => number) {
  const readers = new Set<{ most: number }>()
  return {
    note(value: number): void {
      for (const reader of readers) if (value > reader.most) reader.most = value
    },
    reader(): MaxReader {
      const reader = { most: 0 }
      readers.add(reader)
      return {
        take() {
          const now = current()
          const most = Math.max(reader.most, now)
          reader.most = now
          return most
        },
        close: () => void readers.delete(reader),
      }
    },
  }
}
