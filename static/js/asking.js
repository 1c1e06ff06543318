// What the server is asked again and again: one question at a time, so that a slow server is not asked faster than it answers.
const LATEST = 20_000;

export class Asking {
  /** `put(signal, …)` asks and takes the answer, unless the signal was aborted meanwhile. */
  constructor(put) {
    Object.assign(this, { put, underWay: null, again: false });
  }

  /** Ask now. What is still on its way may hang in a connection that is gone: it is dropped. */
  async anew(...details) {
    this.underWay?.abort();
    const mine = (this.underWay = new AbortController());
    try {
      await this.put(AbortSignal.any([mine.signal, AbortSignal.timeout(LATEST)]), ...details);
    } finally {
      if (this.underWay === mine) this.answered();
    }
  }

  /** Ask now, or once more when the answer that is on its way has come. */
  soon() {
    if (this.underWay) this.again = true;
    else this.anew();
  }

  answered() {
    this.underWay = null;
    if (this.again) this.anew();
    this.again = false;
  }
}
