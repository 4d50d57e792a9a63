/** Scripts whose letters can be taken for Latin ones (UTS #39, section 5.1: never mixed with Latin in one word). */
const OTHER =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}]/gu;

/** Letters of those scripts that look like a Latin one by themselves. */
const LIKE_LATIN =
  /^[\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03b1\u03b9\u03bd\u03bf\u03c1\u03c5\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0430\u0433\u0435\u043e\u043f\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04ae\u04af\u04bb\u04cf\u0501\u051b\u051d\p{Script=Cherokee}\p{Script=Lisu}]$/u;

/** Full-width and mathematical forms of Latin letters. */
const FORMS = /[\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d6a5}]/gu;

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;

/**
 * Replaces letters that a reader would take for Latin ones: those of another script in a word that has Latin letters
 * too, and all of them where the text has none that could not be taken for a Latin letter.
 */
export function replaceLookalikes(text: string, replacement: (character: string) => string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const others = text.match(OTHER) ?? [];
  const onlyLikeLatin = others.length > 0 && others.every((letter) => LIKE_LATIN.test(letter));
  return text.replace(WORD, (word) => {
    const latin = /[A-Za-z]/.test(word);
    const shown = latin || onlyLikeLatin ? word.replace(OTHER, replacement) : word;
    return latin ? shown.replace(FORMS, replacement) : shown;
  });
}
