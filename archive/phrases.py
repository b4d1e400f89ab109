"""The words of pages that are no articles, in many languages: nothing here, are you human, log in.

Rules: a phrase is the whole of a title, of a part of it, or of a heading: an article about such pages says
more than that. Phrases are compared bare: lower case, without punctuation, accents of capitals and spaces
settled; English short forms are written out (`bare`). All are our own list of what such pages say.
"""

import re
import unicodedata
from functools import lru_cache

NOISE = re.compile(r"[^\w\s]|_")
# What stands before or behind the phrase itself: numbers, excuses.
AROUND = re.compile(
    r"\A(?:(?:http|error|erro|erreur|fehler|fehlermeldung|errore|foutmelding|fout|fel|feil|fejl|virhe|błąd|chyba|"
    r"hiba|eroare|ошибка|помилка|грешка|σφάλμα|hata|خطأ|خطا|שגיאה|त्रुटि|lỗi|エラー|错误|錯誤|오류|kesalahan|"
    r"oops|ooops|ups|uups|huch|hoppla|oups|vaya|ops|oeps|hovsa|ojdå|sorry|entschuldigung|désolé|desole|"
    r"lo sentimos|desculpe|spiacenti|helaas|whoops|uh oh|we are sorry|code|status|404|410|"
    r"페이지 오류)\s+)+"
)
BEHIND = re.compile(r"(?:\s+(?:404|410|error|http|fehler|erreur|errore|erro|fout|エラー|ошибка|错误))+\Z")
SHORT_FORMS = (
    ("doesn t", "does not"), ("can t", "cannot"), ("couldn t", "could not"), ("isn t", "is not"),
    ("you re ", "you are "), ("we re ", "we are "),
)  # fmt: skip
NUMBERS = {
    "404", "error 404", "404 error", "http 404", "fehler 404", "404 fehler", "erreur 404", "404 erreur",
    "errore 404", "erro 404", "ошибка 404", "помилка 404", "fout 404", "hata 404", "lỗi 404", "エラー404",
    "404エラー", "404 エラー", "404错误", "404 오류", "błąd 404", "chyba 404", "hiba 404", "eroare 404",
    "fel 404", "feil 404", "fejl 404", "virhe 404", "σφάλμα 404", "http error 404", "http status 404",
    "خطأ 404",
}  # fmt: skip
NOT_FOUND = """
page not found|not found|page cannot be found|page can t be found|page could not be found
page does not exist|page doesn t exist|this page does not exist|this page doesn t exist
page not available|page unavailable|page no longer available|article not found
article no longer available|story not found|content not found|file not found|nothing found
that page can t be found|this page could not be found|this page isn t available|this page can t be found
this page cannot be found|we can t find that page|we can t find this page|we couldn t find that page
we couldn t find this page|we can t find the page you re looking for
the page you requested could not be found|the page you requested cannot be found
the page you requested was not found|the page you are looking for does not exist
the page you re looking for doesn t exist|the page you were looking for doesn t exist
the page you are looking for cannot be found|the page you re looking for can t be found
the page cannot be found|the page could not be found|the page was not found|requested page not found
the page you are looking for could not be found|the article you are looking for could not be found
the requested url was not found on this server|article unavailable|this article is no longer available
this story is no longer available|this content is no longer available|page missing|missing page
page introuvable|page non trouvée|page inexistante|cette page n existe pas|cette page n existe plus
la page n existe pas|la page demandée n existe pas|la page demandée est introuvable|article introuvable
la page que vous cherchez n existe pas|la page que vous recherchez n existe pas
cette page est introuvable|la page que vous recherchez est introuvable|page indisponible
contenu introuvable|la page est introuvable|seite nicht gefunden|nicht gefunden|seite nicht verfügbar
seite existiert nicht|artikel nicht gefunden|diese seite existiert nicht|diese seite gibt es nicht
die seite wurde nicht gefunden|inhalt nicht gefunden|die seite konnte nicht gefunden werden
die angeforderte seite wurde nicht gefunden|die gesuchte seite existiert nicht
die gesuchte seite wurde nicht gefunden|seite existiert nicht mehr
die angeforderte seite existiert nicht|diese seite wurde nicht gefunden|diese seite ist nicht verfügbar
diese seite konnte nicht gefunden werden|die gewünschte seite wurde nicht gefunden|página no encontrada
no encontrado|página no existe|la página no existe|esta página no existe|la página que buscas no existe
la página que busca no existe|la página solicitada no existe|la página no ha sido encontrada
no se ha encontrado la página|no encontramos la página|artículo no encontrado|página no disponible
contenido no encontrado|no hemos encontrado la página|página inexistente|página não encontrada
não encontrado|página não existe|esta página não existe|a página não existe|a página não foi encontrada
página indisponível|conteúdo não encontrado|a página que procura não existe
a página que você procura não existe|a página que procura não foi encontrada|página não localizada
pagina non trovata|non trovato|la pagina non esiste|questa pagina non esiste
la pagina richiesta non esiste|la pagina che cerchi non esiste|la pagina non è stata trovata
contenuto non trovato|articolo non trovato|la pagina cercata non esiste|pagina non disponibile
pagina inesistente|pagina niet gevonden|niet gevonden|pagina bestaat niet|deze pagina bestaat niet
artikel niet gevonden|de pagina bestaat niet|de pagina is niet gevonden|deze pagina bestaat niet meer
pagina niet beschikbaar|de pagina die je zoekt bestaat niet|de pagina kan niet worden gevonden
bladsy nie gevind nie|sidan hittades inte|sidan kunde inte hittas|sidan finns inte|sidan saknas
hittades inte|sidan kan inte hittas|siden ble ikke funnet|siden finnes ikke|fant ikke siden
siden eksisterer ikke|siden kunne ikke finnes|siden blev ikke fundet|siden findes ikke
siden kunne ikke findes|side ikke fundet|side ikke funnet|ikke fundet|sivua ei löytynyt|sivua ei löydy
sivua ei ole|hakemaasi sivua ei löytynyt|síða fannst ekki|lehte ei leitud|nie znaleziono strony
strona nie istnieje|strony nie znaleziono|strona nie została znaleziona|nie znaleziono
taka strona nie istnieje|stránka nenalezena|stránka nebyla nalezena|stránka neexistuje|nenalezeno
stránka sa nenašla|stránka nebola nájdená|az oldal nem található|a keresett oldal nem található
oldal nem található|pagina nu a fost găsită|pagina nu există|pagină inexistentă|pagina nu a fost gasita
страница не найдена|не найдено|страница не существует|такой страницы нет
запрашиваемая страница не найдена|страницы не существует|страница удалена|сторінку не знайдено
сторінка не знайдена|такої сторінки не існує|страницата не е намерена|страницата не съществува
страница није пронађена|stranica nije pronađena|stranica ne postoji|stran ni najdena|stran ne obstaja
puslapis nerastas|lapa nav atrasta|faqja nuk u gjet|η σελίδα δεν βρέθηκε|η σελίδα δεν υπάρχει
δεν βρέθηκε|sayfa bulunamadı|sayfa mevcut değil|haber bulunamadı|aradığınız sayfa bulunamadı
aradığınız sayfa mevcut değil|bulunamadı|səhifə tapılmadı|الصفحة غير موجودة|لم يتم العثور على الصفحة
الصفحة المطلوبة غير موجودة|صفحه یافت نشد|صفحه مورد نظر یافت نشد|صفحه پیدا نشد|הדף לא נמצא|העמוד לא נמצא
הדף המבוקש לא נמצא|पेज नहीं मिला|पृष्ठ नहीं मिला|यह पेज मौजूद नहीं है|halaman tidak ditemukan
tidak ditemukan|halaman tidak dijumpai|laman tidak ditemui|hindi nahanap ang pahina|không tìm thấy trang
trang không tồn tại|không tìm thấy|ไม่พบหน้า|ไม่พบหน้าที่คุณต้องการ|ไม่พบหน้านี้|ページが見つかりません
ページが見つかりませんでした|お探しのページは見つかりませんでした|お探しのページは見つかりません
お探しのページが見つかりません|指定されたページは存在しません|ページは存在しません|記事が見つかりません
指定されたページが見つかりません|このページは存在しません|页面不存在|页面未找到|找不到页面
您访问的页面不存在|您要访问的页面不存在|页面找不到了|抱歉您访问的页面不存在|文章不存在|頁面不存在
找不到頁面|找不到網頁|找不到您要的頁面|找不到此頁面|您要找的頁面不存在|페이지를 찾을 수 없습니다
존재하지 않는 페이지입니다|요청하신 페이지를 찾을 수 없습니다|찾을 수 없는 페이지입니다
ukurasa haukupatikana|ikhasi alitholakali
"""
ROBOT = """
are you a robot|are you human|are you a human|robot or human|robot check|human verification
security check|verify you are human|verify you are a human|please verify you are human
please verify you are a human|verifying you are human|prove you are human|prove you re not a robot
confirm you are human|bot verification|please confirm you are human|please confirm that you are human
security verification|captcha|captcha check|captcha challenge|captcha verification|attention required
one more step|access denied|pardon our interruption|just a moment|checking your browser
checking your browser before accessing|please wait|access blocked|unusual traffic
we have detected unusual traffic|browser check|ddos protection|security checkpoint
making sure you re not a bot|please complete the security check|please complete the captcha
verification required|sind sie ein mensch|sind sie ein roboter|sicherheitsprüfung|sicherheitsabfrage
sicherheitsüberprüfung|bitte bestätigen sie dass sie ein mensch sind|einen moment|nur einen moment
zugriff verweigert|êtes vous un robot|êtes vous humain|vérification de sécurité|un instant|un momento
accès refusé|eres un robot|es usted un robot|verificación de seguridad|verificación humana
acceso denegado|você é um robô|verificação de segurança|acesso negado|sei un robot|verifica di sicurezza
accesso negato|ben je een mens|bent u een robot|beveiligingscontrole|toegang geweigerd
czy jesteś człowiekiem|czy jesteś robotem|вы не робот|вы робот|проверка безопасности
подтвердите что вы не робот|доступ запрещен|robot musunuz|ロボットではありません
私はロボットではありません|人机验证|安全验证|请完成安全验证|访问验证|로봇이 아닙니다|보안 확인
güvenlik kontrolü|güvenlik doğrulaması|pemeriksaan keamanan|xác minh bảo mật|التحقق الأمني
"""
CONSENT = """
before you continue|before you continue to google|before you continue to youtube|we value your privacy
we care about your privacy|your privacy matters|your privacy is important to us
privacy gate|cookie wall|cookie consent|cookie settings|privacy settings|your consent
manage your cookies|accept cookies|we use cookies|this site uses cookies|please accept cookies
manage consent|consent required|accept cookies to continue
choose how to continue|wir brauchen ihre zustimmung|zustimmung erforderlich|ihre zustimmung
datenschutz zustimmung|wir benötigen ihre zustimmung|bitte stimmen sie zu|sie haben die wahl
weiter mit werbung|weiterlesen mit werbung|mit werbung weiterlesen|ihre privatsphäre ist uns wichtig
wir respektieren ihre privatsphäre|cookie einstellungen|bevor sie fortfahren|bevor sie weiterlesen
datenschutzeinstellungen|privatsphäre einstellungen|avant de continuer|votre consentement
nous respectons votre vie privée|gestion des cookies|votre vie privée nous importe
le respect de votre vie privée est notre priorité|continuer sans accepter|antes de continuar
valoramos su privacidad|valoramos tu privacidad|su privacidad es importante
antes de continuares|a sua privacidade é importante|valorizamos a sua privacidade
prima di continuare|la tua privacy è importante|rispettiamo la tua privacy|il tuo consenso
voordat je verdergaat|wij waarderen je privacy|cookies accepteren
dpg media privacy gate|jouw privacy is belangrijk voor ons|innan du fortsätter|ditt samtycke
vi bryr oss om din integritet|før du fortsetter|før du fortsætter|vi værner om dit privatliv
ennen kuin jatkat|szanujemy twoją prywatność|zanim przejdziesz do serwisu
než budete pokračovat|souhlas s cookies|vážíme si vašeho soukromí
"""
LOGIN = """
log in|login|sign in|signin|log on|sign in to continue|log in to continue|please log in|please sign in
login required|sign in or register|log in or register|sign in or create an account|member login
subscriber login|log in or create an account|log in to your account|sign in to your account|welcome back
account login|log in to continue reading|sign in to continue reading|register or sign in
authentication required|anmelden|einloggen|login erforderlich|bitte melden sie sich an|bitte einloggen
jetzt anmelden|anmeldung|melden sie sich an|loggen sie sich ein|se connecter|connexion|identifiez vous
connectez vous|s identifier|iniciar sesión|inicia sesión|inicio de sesión|acceder|identifícate|ingresar
entrar|iniciar sessão|fazer login|faça login|accedi|effettua il login|inloggen|log in om verder te gaan
logga in|logg inn|log ind|kirjaudu sisään|kirjaudu|zaloguj się|logowanie|přihlášení|přihlásit se
prihlásenie|bejelentkezés|autentificare|conectare|войти|вход|авторизация|вхід|увійти|вписване|σύνδεση
είσοδος|giriş|giriş yap|üye girişi|تسجيل الدخول|ورود|התחברות|כניסה|लॉग इन|साइन इन|masuk|đăng nhập
เข้าสู่ระบบ|ログイン|サインイン|登录|登錄|登入|로그인
"""


def _listed(phrases: str) -> frozenset[str]:
    return frozenset(bare(p) for line in phrases.strip().splitlines() for p in line.split("|") if p.strip())


def bare(text: str) -> str:
    """A phrase as it is compared: lower case, without punctuation, composed, single spaces."""
    plain = unicodedata.normalize("NFKC", text).replace("i̇", "i").casefold()
    words = " ".join(NOISE.sub(" ", plain.replace("İ", "i")).split())
    for short, full in SHORT_FORMS:
        if short in words:
            words = words.replace(short, full)
    return words


_NOT_FOUND, _ROBOT, _CONSENT, _LOGIN = map(_listed, (NOT_FOUND, ROBOT, CONSENT, LOGIN))
_NUMBERS = frozenset(map(bare, NUMBERS))
_ALL = _NOT_FOUND | _ROBOT | _CONSENT | _LOGIN | _NUMBERS
LONGEST = 120  # characters of the longest thing that is compared


@lru_cache(maxsize=4096)
def _forms(text: str) -> tuple[str, str]:
    """A text bare, and what is left of it without numbers and excuses around."""
    plain = bare(text) if len(text) <= LONGEST else ""
    return plain, BEHIND.sub("", AROUND.sub("", plain))


def says_any(text: str) -> bool:
    """Whether a text says one of the things below: nearly none does, and that is told at once."""
    plain, inner = _forms(text)
    return bool(plain) and (plain in _ALL or inner in _ALL)


def says_not_found(text: str) -> bool:
    """Whether a text says that there is no such page, and no more than that."""
    plain, inner = _forms(text)
    return bool(plain) and (plain in _NUMBERS or plain in _NOT_FOUND or inner in _NOT_FOUND)


def says_robot(text: str) -> bool:
    """Whether a text asks whether a human reads it, or refuses."""
    plain, inner = _forms(text)
    return bool(plain) and (plain in _ROBOT or inner in _ROBOT)


def says_consent(text: str) -> bool:
    """Whether a text asks to accept cookies."""
    return _forms(text)[0] in _CONSENT


def says_login(text: str) -> bool:
    """Whether a text asks to log in."""
    return _forms(text)[0] in _LOGIN
