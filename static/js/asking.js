// What the server is asked again and again: one question at a time, so that a slow server is not asked faster than it answers.
const LATEST = 20_000;
const PAUSE = 5000;

export class Asking {
  /**
   * `put(signal, …)` asks and takes the answer, unless the signal was aborted meanwhile. Where it answers false the
   * server could not say, and is asked again after a few seconds.
   */
  constructor(put) {
    Object.assign(this, { put, underWay: null, again: false, later: null });
  }

  /** Ask now. What is still on its way may hang in a connection that is gone: it is dropped. */
  async anew(...details) {
    this.underWay?.abort();
    clearTimeout(this.later);
    const mine = (this.underWay = new AbortController());
    let went = null;
    try {
      went = await this.put(AbortSignal.any([mine.signal, AbortSignal.timeout(LATEST)]), ...details);
    } finally {
      if (this.underWay === mine) this.answered(went);
    }
  }

  /** Ask now, or once more when the answer that is on its way has come. */
  soon() {
    if (this.underWay) this.again = true;
    else this.anew();
  }

  answered(went) {
    this.underWay = null;
    if (this.again) this.anew();
    else if (went === false) this.later = setTimeout(() => this.soon(), PAUSE * (0.8 + 0.4 * Math.random()));
    this.again = false;
  }
}
