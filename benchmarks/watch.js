// What the browser itself says of a page: long tasks, when it made pictures, how long keys took.
(() => {
  const seen = (window.seen = { tasks: [], pictures: [], keys: [] });
  const observe = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  observe("longtask", ({ startTime, duration }) => seen.tasks.push([startTime, duration]));
  const picture = (now) => {
    seen.pictures.push(now);
    requestAnimationFrame(picture);
  };
  requestAnimationFrame(picture);
  // From the key to when all that listens to it is done, and to the end of the picture that shows it.
  const { port1, port2 } = new MessageChannel();
  let shown = [];
  port1.onmessage = () => {
    const now = performance.now();
    for (const key of shown) key.push(now - key.shift());
    shown = [];
  };
  addEventListener("input", ({ timeStamp }) => {
    const key = [timeStamp, performance.now() - timeStamp];
    seen.keys.push(key);
    requestAnimationFrame(() => {
      shown.push(key);
      port2.postMessage(null);
    });
  });
})();
