// What has passed a toxic and a connection, live. Only -extensions shows it; counting it costs next to nothing.

/** Of one toxic, since it was added. */
export class ToxicCounts {
  #actedOn = 0
  #drawnOut = 0
  #chunks = { in: 0, out: 0 }
  #bytes = { in: 0, out: 0 }

  /** A connection counts once, by its last draw; `before` is the one before it. */
  drew(acts: boolean, before: boolean | undefined): void {
    if (acts === before) return
    if (before !== undefined) this.#count(before, -1)
    this.#count(acts, 1)
  }

  took(bytes: number): void {
    this.#chunks.in += 1
    this.#bytes.in += bytes
  }

  passedOn(bytes: number): void {
    this.#chunks.out += 1
    this.#bytes.out += bytes
  }

  show() {
    return {
      connections: { acted_on: this.#actedOn, drawn_out: this.#drawnOut },
      chunks: { ...this.#chunks },
      bytes: { ...this.#bytes },
    }
  }

  #count(acts: boolean, by: number): void {
    if (acts) this.#actedOn += by
    else this.#drawnOut += by
  }
}
