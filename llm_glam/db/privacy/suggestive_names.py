"""Recognise names of columns that museums seldom publish: storage, value, people's addresses.

The words are those of headings in catalogues of several languages, without accents. Where a word
also means something harmless (*location* may be a place that is shown), its owner decides.
"""

import re
import unicodedata

STORAGE = """
    location locations storage store storeroom shelf drawer cabinet rack vault bay depot
    standort depot magazin regal schublade schrank fach
    emplacement localisation reserve etagere tiroir armoire
    ubicacion localizacion almacen deposito estante estanteria cajon armario
    ubicazione collocazione deposito magazzino scaffale cassetto armadio
    locatie standplaats bewaarplaats depot kast lade plank
    localizacao deposito prateleira gaveta armario
    magazyn polka szuflada szafa lokalizacja
    placering plassering magasin hylla hylde hylle lada skuff skuffe skap
    umisteni depozitar police zasuvka sijainti varasto
"""
VALUE = """
    value valuation insurance insured price cost appraisal
    wert preis kaufpreis schatzwert schatzung versicherung
    valeur assurance prix cout estimation
    valor seguro precio coste tasacion preco custo avaliacao
    valore assicurazione prezzo costo stima
    waarde verzekering prijs aankoopprijs
    wartosc ubezpieczenie cena
    varde vardering forsakring pris verdi vaerdi forsikring
    hodnota pojisteni arvo vakuutus hinta
"""
PEOPLE = """
    donor donors lender vendor seller owner owners address email mail phone telephone mobile
    spender stifter leihgeber verkaufer eigentumer besitzer vorbesitzer adresse anschrift telefon
    donateur preteur vendeur proprietaire courriel telephone
    donante prestador vendedor propietario direccion correo telefono
    donatore prestatore venditore proprietario indirizzo telefono
    schenker bruikleengever verkoper eigenaar adres telefoon
    doador proprietario endereco telefone
    darczynca wlasciciel adres telefon
    givare agare giver ejer eier adress
    darce majitel vlastnik adresa lahjoittaja omistaja osoite puhelin
"""
INTERNAL = """
    internal confidential restricted alarm
    intern interne internes vertraulich confidentiel confidencial interno
    riservato vertrouwelijk poufne luottamuksellinen
"""
MEANINGS = {
    "where things are kept": STORAGE,
    "what they are worth": VALUE,
    "whose they were, and how to reach people": PEOPLE,
    "not meant for everybody": INTERNAL,
}
WORDS = frozenset(" ".join(MEANINGS.values()).split())
# Beginnings of longer words, as in Versicherungswert and Lagerort.
BEGINNINGS = (
    *("insur", "versicherung", "lagerort", "depot", "standort", "magazin", "leihgeber"),
    *("eigentumer", "vorbesitzer", "spender", "verzeker", "assicur", "forsakring"),
    *("forsikring", "ubezpiecz", "aankoop", "kaufpreis", "anschrift", "eigenaar"),
)


def suggests_private(name: str) -> bool:
    """Return whether a column's name or heading suggests what museums seldom publish."""
    return any(
        word in WORDS or word.startswith(BEGINNINGS) for word in _words(name) if word
    )


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case and without accents; ``storeRoom`` has two."""
    apart = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", name)
    plain = unicodedata.normalize("NFKD", apart.replace("ł", "l").replace("ø", "o"))
    letters = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    return re.findall(r"[^\W\d_]+", letters.replace("æ", "ae"))
