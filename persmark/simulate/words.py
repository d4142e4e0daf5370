"""What the synthetic shop and magazine are made of: names of things and of people, all invented.

Brands, products and headlines describe nothing that is sold. Places and postcodes are real and
public; nobody lives behind the names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Aisle:
    """One category: `consumable` ones are bought again in cycles; prices in euros."""

    group: str
    name: str
    consumable: bool
    price: tuple[float, float]
    brands: tuple[str, ...]
    qualities: tuple[str, ...]
    things: tuple[str, ...]
    sizes: tuple[str, ...]
    topics: tuple[str, ...]


AISLES: tuple[Aisle, ...] = (
    Aisle("Pantry", "Coffee & Tea", True, (3.5, 19.0),
          ("Harbour Roast", "Nordlicht", "O'Dell & Daughters", "Casa Verde", "Teehaus Grün", "Blackbird"),
          ("Organic", "Dark Roast", "Decaf", "Fairly Traded", "Smoky", "Morning"),
          ("Espresso Beans", "Filter Coffee", "Green Tea", "Earl Grey", "Cold Brew", "Chai", "Rooibos"),
          ("250 g", "500 g", "1 kg", "40 bags"),
          ("filter coffee", "loose-leaf tea", "cold brew", "a home espresso corner", "decaf")),
    Aisle("Pantry", "Breakfast", True, (2.2, 9.5),
          ("Sunny Mill", "Haferfreund", "Maison Élan", "Good Field", "Kernel & Co", "Little Orchard"),
          ("Crunchy", "Wholegrain", "Unsweetened", "Honey", "Berry", "Protein"),
          ("Granola", "Porridge Oats", "Muesli", "Corn Flakes", "Jam", "Nut Butter"),
          ("300 g", "500 g", "750 g"),
          ("overnight oats", "a slow Sunday breakfast", "homemade granola", "school breakfasts", "muesli")),
    Aisle("Pantry", "Snacks", True, (1.5, 7.5),
          ("Crispen", "Nutmeg Lane", "Salt & Tide", "Pico Pico", "Bergkind", "Tiny Feast"),
          ("Sea Salt", "Chilli", "Roasted", "Dark", "Baked", "Smoked"),
          ("Almonds", "Chocolate Bar", "Lentil Chips", "Crackers", "Trail Mix", "Popcorn"),
          ("40 g", "100 g", "200 g", "6-pack"),
          ("desk snacks", "dark chocolate", "party nibbles", "trail mix", "movie-night popcorn")),
    Aisle("Household", "Cleaning", True, (2.5, 14.0),
          ("Klarwerk", "Fresh Linen Co", "Ecorra", "Spotless", "Mint & Soda", "Blue Wave"),
          ("Lemon", "Unscented", "Concentrated", "Plant-Based", "Sensitive", "Power"),
          ("Dish Soap", "Laundry Liquid", "Surface Spray", "Dishwasher Tabs", "Glass Cleaner"),
          ("500 ml", "1 l", "2 l", "60 pieces"),
          ("limescale", "laundry stains", "greener cleaning", "streak-free windows", "small kitchens")),
    Aisle("Beauty", "Skin Care", True, (5.0, 42.0),
          ("Aloé Paris", "Dermisana", "Still Water", "Lumen & Leaf", "Hanami", "Nordic Salt"),
          ("Hydrating", "Gentle", "Night", "Vitamin", "Mineral", "Soothing"),
          ("Face Cream", "Cleanser", "Sun Lotion", "Serum", "Hand Balm", "Clay Mask"),
          ("30 ml", "50 ml", "75 ml", "200 ml"),
          ("dry winter skin", "sun protection", "a three-step routine", "ingredient lists", "serums")),
    Aisle("Beauty", "Hair Care", True, (4.0, 28.0),
          ("Silkworks", "Maréa", "Wild Nettle", "Studio Nine", "Glanz", "Curl Society"),
          ("Repair", "Volume", "Colour Protect", "Everyday", "Curl", "Scalp"),
          ("Shampoo", "Conditioner", "Hair Oil", "Hair Mask", "Dry Shampoo"),
          ("150 ml", "250 ml", "400 ml"),
          ("curly hair", "an oily scalp", "colour that lasts", "heat damage", "washing less often")),
    Aisle("Family", "Pets", True, (3.0, 48.0),
          ("Barkwell", "Mieze & Mo", "Happy Tail", "Wolfsgarten", "Whisker Lane", "Good Boy Foods"),
          ("Grain-Free", "Senior", "Puppy", "Salmon", "Chicken", "Indoor"),
          ("Dry Food", "Wet Food Tray", "Dental Chews", "Cat Litter", "Training Treats"),
          ("400 g", "2 kg", "5 kg", "10 l"),
          ("a new puppy", "indoor cats", "senior dogs", "travelling with pets", "fussy eaters")),
    Aisle("Family", "Baby", True, (3.0, 36.0),
          ("Kleine Welle", "Petit Nuage", "Tumble & Coo", "First Steps", "Milkmoon", "Soft Start"),
          ("Ultra Soft", "Organic", "Night", "Sensitive", "Newborn", "Travel"),
          ("Nappies", "Wipes", "Porridge", "Bath Wash", "Fruit Puree"),
          ("small pack", "family pack", "4 x 100 g", "300 ml"),
          ("first solids", "better naps", "packing the changing bag", "bath time", "teething")),
    Aisle("Home", "Kitchen", False, (9.0, 160.0),
          ("Gusswerk", "Copper & Oak", "Fjordhus", "La Tavola", "Steelbrook", "Kiri Studio"),
          ("Cast-Iron", "Non-Stick", "Forged", "Oak", "Enamel", "Stackable"),
          ("Frying Pan", "Chef's Knife", "Chopping Board", "Storage Jar Set", "Kettle", "Casserole"),
          ("20 cm", "24 cm", "28 cm", "set of 3"),
          ("cast iron", "sharpening knives", "one-pot dinners", "tiny kitchens", "batch cooking")),
    Aisle("Sport", "Running", False, (12.0, 190.0),
          ("Fleetfoot", "Kilometre Nine", "Aerie", "Trailhead", "Stride Lab", "Pace & Co"),
          ("Lightweight", "Reflective", "Cushioned", "Trail", "Breathable", "Winter"),
          ("Running Shoes", "Running Tights", "Jacket", "Running Socks", "Hydration Vest", "Cap"),
          ("S", "M", "L", "one size"),
          ("a first 10k", "running in the rain", "choosing running shoes", "easy runs", "recovery days")),
    Aisle("Sport", "Outdoor", False, (8.0, 240.0),
          ("Bergheim", "Northfell", "Camp Eleven", "Wild Hollow", "Alpenglühn", "Ridgeway"),
          ("Ultralight", "Waterproof", "Insulated", "Folding", "Two-Person", "Compact"),
          ("Tent", "Sleeping Bag", "Backpack", "Camping Stove", "Water Bottle", "Head Torch"),
          ("0.5 l", "20 l", "45 l", "one size"),
          ("a weekend in the hills", "packing light", "camp cooking", "waterproofing boots", "cold nights")),
    Aisle("Tech", "Audio", False, (19.0, 380.0),
          ("Tonwerk", "Echo Park Audio", "Lyra", "Hi-Lo", "Parallel Sound", "青山音响"),
          ("Wireless", "Noise-Cancelling", "Portable", "Studio", "Sport", "Bookshelf"),
          ("Headphones", "Earbuds", "Speaker", "Turntable", "Soundbar", "Microphone"),
          ("black", "white", "blue", "sand"),
          ("noise cancelling", "a first turntable", "podcasting at home", "small rooms", "sport earbuds")),
)  # fmt: skip

HEADLINES: tuple[str, ...] = (
    "A beginner's guide to {topic}",
    "Seven mistakes people make with {topic}",
    "What we learned from a month of {topic}",
    "{Topic}: what is worth paying for",
    "The quiet joy of {topic}",
    "Ask the editors: {topic}",
)
HOOKS: tuple[str, ...] = (
    "{brand}: new in {name}",
    "{brand} week: up to 20% off",
    "Meet {brand}",
    "{thing} by {brand}, back in stock",
)


@dataclass(frozen=True)
class Country:
    """A country of the shop: `share` of users, first and last names, (zip, city) pairs.

    `first` and `last` are (shown, ASCII spelling for the mailbox).
    """

    code: str
    share: float
    first: tuple[tuple[str, str], ...]
    last: tuple[tuple[str, str], ...]
    places: tuple[tuple[str, str], ...]


def _same(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name.lower()) for name in names)


COUNTRIES: tuple[Country, ...] = (
    Country("US", 0.34,
            _same("Emma", "Liam", "Ava", "Noah", "Mia", "Ethan", "Zoe", "Caleb", "Ruby", "Owen"),
            (*_same("Carter", "Nguyen", "Brooks", "Rivera", "Hayes", "Sullivan", "Price", "Walker"),
             ("O'Connor", "oconnor")),
            (("10001", "New York"), ("60601", "Chicago"), ("94103", "San Francisco"), ("73301", "Austin"),
             ("02108", "Boston"))),
    Country("GB", 0.22,
            (*_same("Olivia", "George", "Isla", "Harry", "Freya", "Arthur", "Poppy", "Oscar"),
             ("Siân", "sian")),
            _same("Bennett", "Shah", "Hughes", "Fletcher", "Osborne", "Begum", "Whitaker", "Lowe"),
            (("SW1A 1AA", "London"), ("M1 1AE", "Manchester"), ("LS1 4AP", "Leeds"))),
    Country("DE", 0.24,
            (*_same("Anna", "Lukas", "Lena", "Felix", "Clara", "Jonas"),
             ("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Sören", "soeren")),
            (*_same("Schneider", "Hoffmann", "Becker", "Yilmaz", "Wagner"),
             ("Müller", "mueller"), ("Größmann", "groessmann"), ("Löwe", "loewe")),
            (("10115", "Berlin"), ("80331", "München"), ("50667", "Köln"), ("20095", "Hamburg"))),
    Country("FR", 0.12,
            (*_same("Louise", "Jules", "Alice", "Hugo", "Manon"),
             ("Chloé", "chloe"), ("Noël", "noel"), ("Françoise", "francoise")),
            (*_same("Martin", "Dubois", "Moreau", "Petit", "Benali"),
             ("Lefèvre", "lefevre"), ("Gagné", "gagne")),
            (("75001", "Paris"), ("69001", "Lyon"), ("13001", "Marseille"), ("67000", "Strasbourg"))),
    Country("CN", 0.08,
            (("伟", "wei"), ("芳", "fang"), ("秀英", "xiuying"), ("磊", "lei"), ("静", "jing")),
            (("王", "wang"), ("李", "li"), ("张", "zhang"), ("陈", "chen"), ("欧阳", "ouyang")),
            (("100000", "北京"), ("200000", "上海"), ("510000", "广州"), ("610000", "成都"))),
)  # fmt: skip

# (prefix, number of last digits that are free): the whole of each range is set aside for fiction.
FICTIONAL_PHONES: dict[str, tuple[tuple[str, int], ...]] = {
    # North America: 555-0100 to 555-0199 of every area code. Source: ATIS-0300115, 555 NXX Assignment
    # Guidelines ("555-0100 through 555-0199 are fictitious, non-working numbers").
    "US": tuple(
        (f"+1{area}55501", 2)
        for area in (
            "202", "206", "212", "213", "214", "215", "216", "303", "305", "312", "313", "314", "317", "404",
            "408", "410", "412", "415", "503", "504", "512", "513", "602", "612", "615", "617", "619", "702",
            "704", "713", "716", "718", "801", "804", "808", "813", "816", "901", "904", "916", "919", "972",
        )
    ),
    # Source: Ofcom, "Telephone numbers for use in TV and radio drama programmes".
    "GB": (("+447700900", 3), ("+442079460", 3), ("+441632960", 3), ("+443069990", 3)),
    # Source: Bundesnetzagentur, Amtsblatt 7/2021, Mitteilung 148/2021 ("Drama Numbers").
    "DE": (("+493023125", 3), ("+496990009", 3), ("+494066969", 3), ("+492214710", 3), ("+498999998", 3)),
    # Source: Arcep, plan national de numérotation, numbers for audiovisual works
    # (01 99 00, 02 61 91, 03 53 01, 04 65 71, 05 36 49, 06 39 98).
    "FR": (
        ("+3319900", 4), ("+3326191", 4), ("+3335301", 4), ("+3346571", 4), ("+3353649", 4), ("+3363998", 4),
    ),
    # China publishes no such range: its users have no phone.
    "CN": (),
}  # fmt: skip
MAIL_DOMAINS: tuple[str, ...] = ("example.com", "example.org", "example.net")  # RFC 2606, section 3
