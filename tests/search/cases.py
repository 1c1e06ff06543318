"""What is said, what is typed to find it, and whether it is found: in the scripts of the world."""

from __future__ import annotations

# (what, text, query, is it found, the first part that is marked)
CASES: list[tuple[str, str, str, bool, str]] = [
    # Latin
    ("a word", "The quick brown fox", "brown", True, "brown"),
    ("another case", "The quick BROWN fox", "bRoWn", True, "BROWN"),
    ("a prefix", "Photographs of the garden", "photog", True, "Photog"),
    ("a part of a word", "Photographs of the garden", "graphs", True, "graphs"),
    ("the end of a word", "Photographs of the garden", "den", True, "den"),
    ("a letter that begins a word", "Photographs of the garden", "g", True, "g"),
    ("two letters that begin a word", "Photographs of the garden", "ga", True, "ga"),
    ("two letters within a word", "Photographs of the garden", "rd", False, ""),
    ("two words in any order", "Photographs of the garden", "garden photo", True, "Photo"),
    ("one of two words is missing", "Photographs of the garden", "garden party", False, ""),
    ("letters that stand apart", "the mother in the rye", "therye", False, ""),
    ("words together", "See you on Monday", '"you on"', True, "you on"),
    ("words that are not together", "See you all on Monday", '"you on"', False, ""),
    ("without accents", "Crème brûlée à la maison", "creme brulee", True, "Crème"),
    ("with accents", "creme brulee", "crème brûlée", True, "creme"),
    ("a composed letter, decomposed", "Ma\u0308rchen", "märch", True, "Ma\u0308rch"),
    ("a stroke", "Søren from Łódź", "lodz soren", True, "Søren"),
    ("a ligature", "the o\ufb03ce of Æsop", "office aesop", True, "o\ufb03ce"),
    ("a Vietnamese name", "Phở ở Đà Nẵng", "da nang pho", True, "Phở"),
    ("an apostrophe of either kind", "I don’t know", "don't", True, "don’t"),
    ("with signs", "We write C++ and node.js", "c++ node.js", True, "C++"),
    ("a number", "Gate 42, seat 17F", "17f", True, "17F"),
    # German
    ("sharp s", "Die Straße am Fluß", "strasse", True, "Straße"),
    ("sharp s the other way", "STRASSE", "straße", True, "STRASSE"),
    ("an umlaut", "Grüße aus München", "grusse munchen", True, "Grüße"),
    # Turkish
    ("dotted I", "İstanbul’da görüşürüz", "istanbul", True, "İstanbul"),
    ("dotless i", "Ilık bir akşam", "ılık", True, "Ilık"),
    ("dotless i as dotted", "ışık", "isik", True, "ışık"),
    # Greek
    ("tonos", "Καλημέρα σας", "καλημερα", True, "Καλημέρα"),
    ("final sigma", "Ο ΔΡΟΜΟΣ", "δρομος", True, "ΔΡΟΜΟΣ"),
    ("polytonic", "ἄνθρωπος", "ανθρωπ", True, "ἄνθρωπ"),
    # Cyrillic
    ("yo as ye", "Зелёная ёлка", "елка зеленая", True, "Зелёная"),
    ("short i is a letter", "мой дом", "мои", False, ""),
    ("Ukrainian", "Привіт, Київ!", "київ", True, "Київ"),
    # Armenian
    ("Armenian capitals", "ԲԱՐԵՎ ԱՇԽԱՐՀ", "աշխարհ", True, "ԱՇԽԱՐՀ"),
    ("an Armenian ligature", "ես և դու", "եւ", True, "և"),
    # Georgian
    ("Georgian capitals", "ᲒᲐᲛᲐᲠᲯᲝᲑᲐ", "გამარჯობა", True, "ᲒᲐᲛᲐᲠᲯᲝᲑᲐ"),
    ("a part of a Georgian word", "დილა მშვიდობისა", "მშვიდობ", True, "მშვიდობ"),
    # Ethiopic
    ("an Amharic word", "ሰላም ለሁላችሁም", "ሰላም", True, "ሰላም"),
    # Arabic
    ("without harakat", "السَّلَامُ عَلَيْكُمْ", "السلام عليكم", True, "السَّلَامُ"),
    ("with tatweel", "مـرحـبـا", "مرحبا", True, "مـرحـبـا"),
    ("alef with hamza", "أحمد في المدرسة", "احمد", True, "أحمد"),
    ("Arabic digits", "الساعة ٧٥٣", "753", True, "٧٥٣"),
    ("Persian letters and joiners", "می‌خواهم کتاب", "ميخواهم كتاب", True, "می‌خواهم"),
    # Hebrew
    ("without niqqud", "שָׁלוֹם לְכֻלָּם", "שלום", True, "שָׁלוֹם"),
    ("a part of a Hebrew word", "המחברת", "מחבר", True, "מחבר"),
    # Devanagari
    ("a Hindi word", "नमस्ते दुनिया", "नमस्ते", True, "नमस्ते"),
    ("nukta", "ज़रूर आना", "जरूर", True, "ज़रूर"),
    ("a vowel sign is no accent", "कल की बात", "कुल", False, ""),
    # Bengali
    ("a Bengali word", "আমি বাংলায় গান গাই", "বাংলা", True, "বাংলা"),
    ("a Bengali letter with its dot apart", "বাড়ি যাব", "বা\u09dcি", True, "বাড়ি"),
    # Tamil, Telugu
    ("a Tamil word with its ending", "வணக்கம் நண்பர்களே", "நண்பர்", True, "நண்பர்"),
    ("a Tamil vowel sign is no accent", "பால் வாங்கு", "பல்", False, ""),
    ("a Telugu word", "శుభోదయం అందరికీ", "అందరి", True, "అందరి"),
    # Gurmukhi
    ("two letters of Gurmukhi", "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "ਸਤ", True, "ਸਤ"),
    # Thai
    ("a word inside a Thai line", "วันนี้อากาศดีมาก", "อากาศ", True, "อากาศ"),
    ("two Thai letters", "วันนี้อากาศดีมาก", "ดี", True, "ดี"),
    # Lao, Khmer, Burmese
    ("a word inside a Lao line", "ສະບາຍດີຕອນເຊົ້າ", "ຕອນ", True, "ຕອນ"),
    ("a word inside a Khmer line", "សួស្តីពិភពលោក", "ពិភព", True, "ពិភព"),
    ("a word inside a Burmese line", "မင်္ဂလာနံနက်ခင်းပါ", "နံနက်", True, "နံနက်"),
    # Chinese
    ("one character", "今天天气很好", "气", True, "气"),
    ("two characters", "今天天气很好", "天气", True, "天气"),
    ("two that are not neighbours", "今天天气很好", "今气", False, ""),
    ("four characters", "今天天气很好", "天天气很", True, "天天气很"),
    ("among Latin letters", "我买了iPhone手机", "iphone", True, "iPhone"),
    # Japanese
    ("kanji", "東京駅で会いましょう", "東京", True, "東京"),
    ("katakana by hiragana", "カタカナで書く", "かたかな", True, "カタカナ"),
    ("half width", "ﾊﾟｰﾃｨｰは7時", "パーティー", True, "ﾊﾟｰﾃｨｰ"),
    ("full width", "Ｈｅｌｌｏ　２０２６", "hello 2026", True, "Ｈｅｌｌｏ"),
    ("voicing is no accent", "ガラス", "からす", False, ""),
    # Korean
    ("a Korean word with a particle", "학교에서 만나요", "학교", True, "학교"),
    ("one syllable", "학교에서 만나요", "만", True, "만"),
    # Emoji
    ("an emoji", "Well done 🎉🎉", "🎉", True, "🎉🎉"),
    ("any skin", "Thanks 👍🏽", "👍", True, "👍🏽"),
    ("with another skin", "Thanks 👍🏽", "👍🏿", True, "👍🏽"),
    ("a family", "All of us 👩‍👩‍👧‍👦 here", "👩‍👩‍👧‍👦", True, "👩‍👩‍👧‍👦"),
    ("a flag", "Off to 🇯🇵 soon", "🇯🇵", True, "🇯🇵"),
    ("a new emoji", "So tired \U0001fae9", "\U0001fae9", True, "\U0001fae9"),
    # What only looks like something
    ("invisible characters", "in\u00advisible wo\u200brd", "invisible word", True, "in\u00advisible"),
    ("marks of formatting", "This is *very* important", "very", True, "very"),
    ("an address", "See https://example.org/menu?day=5", "example.org/menu", True, "example.org/menu"),
]
