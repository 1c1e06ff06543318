// When to do what only shows in the next picture that the browser makes.
const UNSEEN = 250; // a page that nobody sees makes none

/** Call `then` before the next picture, or soon where there is none. */
export function beforePicture(then) {
  const now = () => {
    cancelAnimationFrame(picture);
    clearTimeout(timer);
    then();
  };
  const picture = requestAnimationFrame(now);
  const timer = setTimeout(now, UNSEEN);
  return picture;
}
