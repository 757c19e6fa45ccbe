"""What citizens of the demonstration say, in Indonesian: pieces from which reports are put together.

Everything here is made up. Names, phone numbers and addresses belong to nobody.
"""

from dataclasses import dataclass
from typing import Final

from events.vocabulary import ComplaintClass


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that citizens write about; `{place}` stands for where it is, `{since}` for how long."""

    category: str
    titles: tuple[str, ...]
    problems: tuple[str, ...]
    consequences: tuple[str, ...]
    requests: tuple[str, ...]
    answers: tuple[str, ...]
    """What an office says when it has seen to it."""
    class_: ComplaintClass = ComplaintClass.COMPLAINT
    weight: int = 4


TOPICS: Final[tuple[Topic, ...]] = (
    Topic(
        "infrastruktur-jalan",
        ("Jalan berlubang di {place}", "Aspal rusak parah {place}", "Mohon perbaikan jalan {place}", "Jalan amblas"),
        (
            "Jalan di {place} berlubang cukup dalam {since}.",
            "Aspal di {place} mengelupas dan bergelombang {since}.",
            "Bahu jalan di {place} amblas selebar satu meter {since}.",
        ),
        (
            "Sudah tiga pengendara motor terjatuh, kebanyakan pada malam hari.",
            "Saat hujan lubang tertutup air sehingga tidak terlihat.",
            "Kendaraan harus bergantian lewat sehingga macet setiap pagi.",
        ),
        ("Mohon segera ditambal.", "Kami berharap ada perbaikan sebelum musim hujan.", "Mohon dipasang rambu dahulu."),
        (
            "Tim sudah menambal lubang di lokasi dan memasang rambu.",
            "Ruas jalan sudah disurvei; perbaikan dijadwalkan minggu depan.",
        ),
        weight=10,
    ),
    Topic(
        "drainase",
        ("Got mampet di {place}", "Banjir setiap hujan di {place}", "Saluran air tersumbat"),
        (
            "Saluran air di {place} tersumbat lumpur dan sampah {since}.",
            "Setiap hujan lebih dari setengah jam, {place} tergenang setinggi lutut {since}.",
        ),
        ("Air masuk ke rumah warga dan warung.", "Anak-anak harus memutar jauh untuk ke sekolah.", "Nyamuk bertambah."),
        ("Mohon saluran dikeruk.", "Mohon dibuatkan gorong-gorong yang lebih besar."),
        ("Saluran sudah dikeruk oleh petugas bersama warga.", "Gorong-gorong masuk dalam pekerjaan triwulan ini."),
        weight=6,
    ),
    Topic(
        "lampu-penerangan-jalan",
        ("Lampu jalan mati di {place}", "Gelap gulita {place}", "PJU padam"),
        ("Lampu penerangan jalan di {place} padam {since}.", "Lima tiang lampu di {place} tidak menyala {since}."),
        ("Warga takut lewat setelah magrib.", "Pekan lalu terjadi penjambretan.", "Tikungan jadi berbahaya."),
        ("Mohon lampu diganti.", "Mohon petugas mengecek jaringannya."),
        ("Lampu sudah diganti dan kini menyala.", "Kabel yang putus sudah disambung kembali."),
        weight=7,
    ),
    Topic(
        "lingkungan-hidup",
        ("Sampah menumpuk di {place}", "TPS liar {place}", "Asap pembakaran sampah", "Sampah tidak diangkut"),
        (
            "Sampah di {place} tidak diangkut {since}.",
            "Ada yang membuang sampah sembarangan di {place} {since}.",
            "Limbah cucian dibuang ke selokan di {place} {since}.",
        ),
        ("Baunya sampai ke dalam rumah.", "Lalat dan tikus mulai banyak.", "Air sungai berubah warna."),
        ("Mohon diangkut secara teratur.", "Mohon pelakunya ditegur.", "Mohon disediakan bak sampah."),
        ("Sampah sudah diangkut dan jadwal pengangkutan ditambah.", "Pelaku sudah diberi teguran tertulis."),
        weight=8,
    ),
    Topic(
        "parkir-liar",
        ("Parkir liar di {place}", "Tarif parkir tidak wajar {place}", "Trotoar dipakai parkir"),
        ("Mobil parkir di badan jalan {place} {since}.", "Juru parkir di {place} memungut tanpa karcis {since}."),
        ("Jalan tinggal satu lajur.", "Pejalan kaki terpaksa turun ke jalan.", "Ambulans pernah tertahan."),
        ("Mohon ditertibkan.", "Mohon dipasang rambu larangan parkir."),
        ("Petugas sudah menertibkan dan akan berpatroli rutin.", "Rambu larangan parkir sudah dipasang."),
        weight=5,
    ),
    Topic(
        "transportasi-darat",
        ("Angkutan umum tidak lewat {place}", "Halte rusak di {place}", "Bus tidak sesuai jadwal"),
        ("Bus menuju {place} tidak sesuai jadwal {since}.", "Atap halte di {place} bocor {since}."),
        ("Pelajar terlambat ke sekolah.", "Penumpang kehujanan."),
        ("Mohon jadwal ditaati.", "Mohon halte diperbaiki."),
        ("Operator sudah diperingatkan dan jadwal dipasang di halte.", "Halte sudah diperbaiki."),
        weight=3,
    ),
    Topic(
        "kesehatan",
        ("Antrean puskesmas di {place}", "Obat kosong di puskesmas {place}", "Jam layanan puskesmas"),
        (
            "Puskesmas di {place} baru buka pukul sembilan {since}.",
            "Obat tekanan darah di puskesmas {place} kosong {since}.",
        ),
        ("Pasien lanjut usia menunggu sejak subuh.", "Kami harus membeli di apotek dengan harga penuh."),
        ("Mohon jam layanan ditepati.", "Mohon persediaan obat ditambah."),
        ("Jam layanan sudah ditertibkan; mohon maaf atas keterlambatan.", "Obat sudah tersedia kembali."),
        weight=5,
    ),
    Topic(
        "pendidikan",
        ("Pungutan di sekolah {place}", "Atap kelas bocor di {place}", "Kekurangan guru di {place}"),
        ("Atap dua ruang kelas di {place} bocor {since}.", "Sekolah di {place} meminta iuran wajib {since}."),
        ("Murid belajar bergantian.", "Orang tua yang tidak mampu merasa malu."),
        ("Mohon diperiksa.", "Mohon ada perbaikan sebelum ujian."),
        ("Dinas sudah memeriksa; iuran dihentikan.", "Perbaikan atap sudah selesai."),
        weight=4,
    ),
    Topic(
        "kependudukan",
        ("KTP belum jadi", "Perbaikan data KK", "Blangko KTP kosong di {place}", "Akta lahir tidak kunjung terbit"),
        ("KTP saya direkam di {place} dan belum jadi {since}.", "Nama anak di kartu keluarga salah tulis {since}."),
        ("Saya tidak bisa mengurus BPJS.", "Pendaftaran sekolah tinggal beberapa hari."),
        ("Mohon diproses.", "Mohon penjelasan kapan bisa diambil."),
        ("KTP sudah dicetak dan dapat diambil.", "Data sudah diperbaiki."),
        weight=5,
    ),
    Topic(
        "permukiman",
        ("Rumah tidak layak huni di {place}", "Bantuan bedah rumah {place}"),
        ("Rumah seorang warga lanjut usia di {place} nyaris roboh {since}.",),
        ("Dindingnya miring ke arah jalan.", "Keluarga tidak mampu memperbaiki sendiri."),
        ("Mohon didata untuk bantuan perbaikan.",),
        ("Rumah sudah didata dan diusulkan untuk bantuan tahun ini.",),
        weight=2,
    ),
    Topic(
        "pasar",
        ("Pasar becek di {place}", "Harga cabai di {place}", "Timbangan pasar tidak pas"),
        (
            "Lantai pasar di {place} becek dan licin {since}.",
            "Timbangan beberapa pedagang di {place} tidak pas {since}.",
        ),
        ("Pembeli berkurang.", "Seorang ibu terpeleset."),
        ("Mohon lantai diperbaiki.", "Mohon dilakukan tera ulang."),
        ("Tera ulang sudah dilakukan.", "Lantai pasar sudah diperbaiki."),
        weight=3,
    ),
    Topic(
        "netralitas-asn",
        ("Dugaan pungutan liar petugas di {place}", "Pelayanan dipersulit di {place}"),
        ("Petugas loket di {place} meminta uang agar berkas diproses {since}.",),
        ("Beberapa tetangga mengalami hal yang sama.", "Tanpa uang, berkas tidak bergerak."),
        ("Mohon diperiksa oleh inspektorat.",),
        ("Pemeriksaan sudah dilakukan; petugas dipindahkan dari loket.",),
        class_=ComplaintClass.COMPLAINT_INSPECTION,
        weight=3,
    ),
    Topic(
        "lingkungan-hidup",
        ("Usul taman bermain di {place}", "Usul bank sampah {place}"),
        ("Saya mengusulkan taman kecil di lahan kosong {place} yang tidak dipakai {since}.",),
        ("Anak-anak tidak punya tempat bermain.", "Warga siap ikut merawat."),
        ("Semoga dapat dipertimbangkan.",),
        ("Usulan dicatat untuk musyawarah perencanaan pembangunan.",),
        class_=ComplaintClass.ASPIRATION,
        weight=4,
    ),
    Topic(
        "transportasi-darat",
        ("Usul zebra cross di {place}", "Usul jalur sepeda {place}"),
        ("Mohon dipertimbangkan tempat penyeberangan di {place}, karena ramai {since}.",),
        ("Anak sekolah menyeberang sendiri.",),
        ("Terima kasih bila diperhatikan.",),
        ("Lokasi sudah disurvei; marka akan dibuat.",),
        class_=ComplaintClass.ASPIRATION,
        weight=3,
    ),
    Topic(
        "kependudukan",
        ("Syarat pindah domisili ke {place}", "Cara membuat KIA di {place}"),
        ("Saya ingin tahu syarat pindah domisili ke {place}; informasi di laman tidak berubah {since}.",),
        ("Petugas yang saya telepon memberi jawaban berbeda.",),
        ("Mohon informasinya.",),
        ("Syarat: KK, KTP, dan surat keterangan pindah; pengurusan gratis.",),
        class_=ComplaintClass.INFORMATION_REQUEST,
        weight=4,
    ),
    Topic(
        "kesehatan",
        ("Jadwal imunisasi di {place}", "Jam buka puskesmas {place}"),
        ("Bagaimana jadwal imunisasi di {place}? Papan pengumuman kosong {since}.",),
        ("Bayi kami sudah waktunya diimunisasi.",),
        ("Mohon informasinya.",),
        ("Imunisasi setiap Selasa pukul 08.00 sampai 11.00.",),
        class_=ComplaintClass.INFORMATION_REQUEST,
        weight=3,
    ),
)

OUT_OF_SCOPE: Final[tuple[tuple[str, str], ...]] = (
    ("Sengketa warisan keluarga", "Saudara saya menguasai tanah warisan dan perkara sedang berjalan di pengadilan."),
    ("Putusan hakim tidak adil", "Saya keberatan dengan putusan pengadilan atas perkara utang piutang saya."),
    ("Penipuan jual beli daring", "Saya membeli telepon genggam di media sosial dan barangnya tidak dikirim."),
    ("Tetangga memutar musik", "Tetangga saya memutar musik keras setiap malam dan tidak mau ditegur."),
)
"""Titles and texts of what is not for the administration."""

ELSEWHERE: Final[tuple[tuple[str, str], ...]] = (
    ("Jawa Barat", "Kota Bandung"),
    ("Sumatera Utara", "Kota Medan"),
    ("Sulawesi Selatan", "Kota Makassar"),
    ("Kalimantan Timur", "Kota Samarinda"),
)
"""Places that no office of the packaged directory is competent for."""

SPOTS: Final = (
    "depan pasar", "dekat balai banjar", "samping sekolah dasar", "simpang tiga", "depan puskesmas", "jembatan kecil",
    "belakang terminal", "depan kantor lurah", "dekat lapangan", "gang menuju pura", "depan masjid", "tepi sungai",
    "dekat SPBU", "perempatan lampu merah", "depan minimarket", "jalan menuju pantai",
)  # fmt: skip
STREETS: Final = (
    "Jalan Melati", "Jalan Kenanga", "Jalan Gunung Agung", "Jalan Diponegoro", "Jalan Pahlawan", "Jalan Merdeka",
    "Jalan Cempaka", "Jalan Raya", "Jalan Kartini", "Jalan Pemuda", "Jalan Anggrek", "Jalan Gajah Mada",
)  # fmt: skip
SINCES: Final = (
    "sejak dua minggu lalu", "sejak sebulan lalu", "sudah hampir tiga bulan", "sejak hujan besar pekan lalu",
    "sejak lebaran", "sudah lebih dari setahun", "sejak kemarin", "sejak awal bulan",
)  # fmt: skip
GREETINGS: Final = (
    "Selamat pagi.",
    "Selamat siang, Bapak/Ibu.",
    "Om Swastiastu.",
    "Assalamualaikum.",
    "Yth. Bapak/Ibu,",
    "",
)
CLOSINGS: Final = (
    "Terima kasih.",
    "Suksma.",
    "Matur nuwun.",
    "Demikian laporan kami.",
    "Atas perhatiannya terima kasih.",
    "",
)
TOO_SHORT: Final = ("Rusak!", "Tolong", "Gelap", "Banjir", "-", "Cek ya", "P")
ADDED: Final = (
    "Menyambung laporan saya: kejadian berlangsung setiap hari dan sudah difoto.",
    "Maaf laporan sebelumnya kurang lengkap. Keadaannya belum berubah sampai hari ini.",
)
"""What citizens add when they are asked to complete a report."""
REPLIES: Final = (
    "Mohon maaf, di lapangan belum ada perubahan.",
    "Terima kasih, tetapi hanya sebagian yang sudah dikerjakan.",
    "Petugas belum pernah datang ke lokasi.",
    "Sudah dicek tetapi rusak lagi setelah hujan.",
)
SECOND_ANSWERS: Final = (
    "Petugas sudah kembali ke lokasi dan menuntaskan pekerjaan.",
    "Pekerjaan sudah selesai seluruhnya.",
)
NOT_OURS: Final = (
    "Bukan wewenang kami: ruas ini dikelola pemerintah di atas kami.",
    "Bukan wewenang instansi kami menurut pembagian urusan.",
    "Lokasi berada di luar wilayah kerja kami.",
)
MORE_TIME: Final = (
    "Menunggu material.",
    "Diperlukan pemeriksaan lapangan bersama.",
    "Petugas sedang menangani banjir.",
)
WITHDRAWN: Final = ("Sudah diselesaikan warga sendiri.", "Salah lokasi, akan saya laporkan ulang.")
THANKS: Final = ("Terima kasih, cepat sekali.", "Lumayan.", "Terlalu lama.", "Semoga dipertahankan.")

GIVEN_NAMES: Final = (
    "Wayan", "Made", "Nyoman", "Ketut", "Putu", "Kadek", "Komang", "Siti", "Budi", "Agus", "Dewi", "Rina", "Yohanes",
    "Maria", "Yulianus", "Slamet", "Endang", "Rahmat", "Fitri", "Hendra", "Lestari", "Gede", "Ni Luh", "Bambang",
)  # fmt: skip
FAMILY_NAMES: Final = (
    "Suardana", "Wirawan", "Lestari", "Santoso", "Wulandari", "Pratama", "Kogoya", "Rumbiak", "Hidayat", "Astuti",
    "Mahendra", "Saputra", "Permata", "Sudiarta", "Nugroho", "Yoku", "Handayani", "Kusuma", "Arimbawa", "Utami",
)  # fmt: skip

DISTRICTS: Final[dict[str, tuple[str, ...]]] = {
    "denpasar": ("Denpasar Barat", "Denpasar Timur", "Denpasar Selatan", "Denpasar Utara"),
    "badung": ("Kuta", "Kuta Utara", "Kuta Selatan", "Mengwi", "Abiansemal", "Petang"),
    "bangli": ("Bangli", "Susut", "Tembuku", "Kintamani"),
    "buleleng": ("Buleleng", "Sukasada", "Seririt", "Gerokgak"),
    "gianyar": ("Gianyar", "Ubud", "Sukawati", "Blahbatuh", "Tampaksiring"),
    "jembrana": ("Negara", "Melaya", "Mendoyo", "Pekutatan"),
    "karangasem": ("Karangasem", "Abang", "Manggis", "Rendang"),
    "klungkung": ("Klungkung", "Dawan", "Banjarangkan", "Nusa Penida"),
    "tabanan": ("Tabanan", "Kediri", "Marga", "Baturiti"),
    "surabaya": ("Gubeng", "Wonokromo", "Rungkut", "Tegalsari"),
    "sidoarjo": ("Waru", "Taman", "Candi"),
    "kota-malang": ("Klojen", "Blimbing", "Lowokwaru"),
    "kabupaten-malang": ("Kepanjen", "Singosari", "Turen"),
    "kota-jayapura": ("Abepura", "Heram", "Jayapura Selatan"),
    "kabupaten-jayapura": ("Sentani", "Waibu"),
    "biak-numfor": ("Biak Kota", "Samofa"),
}
"""Districts by office; a city that is not listed here is reported by name alone."""
