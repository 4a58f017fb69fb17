// The error function in float64, by its series near zero and its continued fraction far from it; error below 1e-14.

/** erf(x) = 2/√π · Σ (-1)ⁿ x^(2n+1) / (n! (2n+1)); for |x| > 2.5 one minus e^(-x²)/√π over a continued fraction. */
export const erf = (x: number): number => {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a <= 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 60; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * ((2 / Math.sqrt(Math.PI)) * sum);
  }
  let tail = 0;
  for (let k = 80; k >= 1; k--) tail = k / 2 / (a + tail);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + tail)));
};
