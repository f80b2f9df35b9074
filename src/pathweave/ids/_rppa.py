"""Labels of RPPA antibodies (``Akt_pS473``, ``14-3-3_beta_Caution``) turned into gene symbols."""

from __future__ import annotations

import re
from functools import cache

from pathweave.ids._text import spell_greek

# Label : symbols. Written by hand from what each antibody binds; labels that are a gene symbol once
# hyphens and case are set aside (B-Raf, Smad4, eEF2) are found without an entry here.
_ANTIBODIES = """
14-3-3 beta:YWHAB; 14-3-3 epsilon:YWHAE; 14-3-3 zeta:YWHAZ; 14-3-3 theta:YWHAQ; 14-3-3 tau:YWHAQ
4E-BP1:EIF4EBP1; 53BP1:TP53BP1; A-Raf:ARAF; B-Raf:BRAF; C-Raf:RAF1; K-Ras:KRAS; N-Ras:NRAS; H-Ras:HRAS
ACC:ACACA,ACACB; ACC1:ACACA; ACC2:ACACB; ACVRL1:ACVRL1; ADAR1:ADAR; ALK1:ACVRL1; ATP5A:ATP5F1A
acetyl-a-Tubulin Lys40:TUBA1A,TUBA1B,TUBA1C; acetyl-a-Tubulin:TUBA1A,TUBA1B,TUBA1C; alpha-Tubulin:TUBA1A,TUBA1B,TUBA1C; beta-Tubulin:TUBB
Akt:AKT1,AKT2,AKT3; pan-Akt:AKT1,AKT2,AKT3; alpha-Catenin:CTNNA1; beta-Catenin:CTNNB1
AMPK alpha:PRKAA1,PRKAA2; AMPK alpha1:PRKAA1; AMPKa1:PRKAA1; AMPK alpha2:PRKAA2; AMPKa2:PRKAA2
AMPK:PRKAA1,PRKAA2; Annexin 1:ANXA1; Annexin I:ANXA1; Annexin VII:ANXA7; AR:AR; ARHI:DIRAS3
Aurora-A:AURKA; Aurora-B:AURKB; Aurora-ABC:AURKA,AURKB,AURKC; Axl:AXL
B7-H3:CD276; B7-H4:VTCN1; Bad:BAD; Bak:BAK1; Bap1 c-4:BAP1; Bax:BAX; Bcl-2:BCL2; Bcl-xL:BCL2L1
Bcl2A1:BCL2A1; Beclin:BECN1; Beclin-1:BECN1; beta Actin:ACTB; Actin:ACTB; Bid:BID; Bim:BCL2L11; BiP-GRP78:HSPA5
BRD4:BRD4; c-Abl:ABL1; c-IAP2:BIRC3; c-Jun:JUN; Jun:JUN; c-Kit:KIT; c-Met:MET; c-Myc:MYC; c-Src:SRC; c-Cbl:CBL
CA9:CA9; CAIX:CA9; Calnexin:CANX; Caspase-3:CASP3; Caspase-7:CASP7; Caspase-8:CASP8; Caspase-9:CASP9
Caveolin-1:CAV1; CD20:MS4A1; CD26:DPP4; CD29:ITGB1; CD31:PECAM1; CD44:CD44; CD45:PTPRC; CD49b:ITGA2
CD133:PROM1; CD171:L1CAM; cdc2:CDK1; Chk1:CHEK1; Chk2:CHEK2; Chromogranin-A-N-term:CHGA; cIAP:BIRC2
Claudin-7:CLDN7; Cofilin:CFL1; Collagen VI:COL6A1,COL6A2,COL6A3; Connexin-43:GJA1; COG3:COG3; Cox2:PTGS2; Cox-IV:COX4I1
CTLA4:CTLA4; Cyclin A:CCNA2; Cyclin A2:CCNA2; Cyclin B1:CCNB1; Cyclin D1:CCND1; Cyclin D3:CCND3; Cyclin E1:CCNE1
Cyclin E2:CCNE2; Cyclophilin-F:PPIF; D-a-Tubulin:TUBA1A,TUBA1B,TUBA1C; Detyrosinated Tubulin:TUBA1A,TUBA1B,TUBA1C
Di-Ras3:DIRAS3; DJ-1:PARK7; DJ1:PARK7; DUSP4:DUSP4; E-Cadherin:CDH1; E2F1:E2F1; Elk1:ELK1; eIF4E:EIF4E; eIF4G:EIF4G1
ER:ESR1; ER-alpha:ESR1; ERalpha:ESR1; ERK1:MAPK3; ERK2:MAPK1; ERK1-2:MAPK3,MAPK1; ERK5:MAPK7; Ets-1:ETS1
FAK:PTK2; Fibronectin:FN1; FoxM1:FOXM1; FOXO3a:FOXO3; FRA1:FOSL1; Glutaminase:GLS; Glutamate-D1-2:GLUD1,GLUD2
GCN5L2:KAT2A; Granzyme-B:GZMB; GSK-3-BETA:GSK3B; GSK3-beta:GSK3B; GSK-3b:GSK3B; GSK3-alpha:GSK3A; GSK-3a:GSK3A
GSK3-alpha-beta:GSK3A,GSK3B; GSK3ab:GSK3A,GSK3B; GSK-3ab:GSK3A,GSK3B; GSK3:GSK3A,GSK3B
HER2:ERBB2; HER3:ERBB3; HER4:ERBB4; Heregulin:NRG1; Hexokinase-II:HK2; HIF-1-alpha:HIF1A; HIF-1a:HIF1A
Histone-H3:H3C1,H3C2,H3C3,H3C4,H3C6,H3C7,H3C8,H3C10,H3C11,H3C12; HSP27:HSPB1; HSP60:HSPD1; HSP70:HSPA1A,HSPA1B; HSP90:HSP90AA1,HSP90AB1
IGF1R-beta:IGF1R; IGFRb:IGF1R; IGF1Rb:IGF1R; InsRb:INSR; IR-b:INSR; IRF-1:IRF1; JAB1:COPS5; JNK:MAPK8,MAPK9; JNK1:MAPK8; JNK2:MAPK9; JNK3:MAPK10
Ki67:MKI67; Ku80:XRCC5; Ku70:XRCC6; LBK1:STK11; LKB1:STK11; Lck:LCK; LC3A-B:MAP1LC3A,MAP1LC3B; LC3AB:MAP1LC3A,MAP1LC3B; Lck ligand:SQSTM1
MAPK:MAPK1,MAPK3; Mcl-1:MCL1; MDMX MDM4:MDM4; MDMX:MDM4; MEK1:MAP2K1; MEK2:MAP2K2; MEK1-2:MAP2K1,MAP2K2; MERIT40:BABAM1; MIG-6:ERRFI1; MIG6:ERRFI1
Mnk1:MKNK1; mTOR:MTOR; Myt1:PKMYT1; Myosin-11:MYH11; Myosin IIa:MYH9; Myosin-IIa:MYH9; N-Cadherin:CDH2; NF-kB-p65:RELA; NFkB-p65:RELA; Napsin-A:NAPSA
Nrf2:NFE2L2; Notch1:NOTCH1; Notch3:NOTCH3; Oct-4:POU5F1; P-Cadherin:CDH3; p16INK4a:CDKN2A; p16-INK4a:CDKN2A; p14 Arf:CDKN2A; p21:CDKN1A; p27:CDKN1B; p27-Kip-1:CDKN1B
p38:MAPK11,MAPK12,MAPK14; p38 MAPK:MAPK11,MAPK12,MAPK14; p38 alpha MAPK:MAPK14; p38-alpha:MAPK14; p44-42-MAPK:MAPK3,MAPK1; p53:TP53; p62:SQSTM1; p62 Lck ligand:SQSTM1
p62-SQSTM1:SQSTM1; p63:TP63; p70S6K:RPS6KB1; p70-S6K:RPS6KB1; p70S6K1:RPS6KB1; p70-S6K1:RPS6KB1; p90RSK:RPS6KA1; p90-RSK:RPS6KA1
PAI-1:SERPINE1; Pan-p38:MAPK11,MAPK12,MAPK14; PARP:PARP1; PARP1:PARP1; PARP-Ab-3:PARP1; Paxillin:PXN; PD-1:PDCD1; PD-L1:CD274; PDL1:CD274; PDGFR-b:PDGFRB
PDHK1:PDK1; PDK1:PDPK1; PEA-15:PEA15; PI3K-p110-alpha:PIK3CA; PI3K-p110-a:PIK3CA; PI3K-p110-b:PIK3CB; PI3K-p85:PIK3R1; PKA-a:PRKACA
PKC-alpha:PRKCA; PKCalpha:PRKCA; PKC-beta-II:PRKCB; PKC-b-II:PRKCB; PKC-delta:PRKCD; PKCdelta:PRKCD; PKM2:PKM; PLC-gamma1:PLCG1; PLK1:PLK1; Porin:VDAC1
PKC-pan BetaII:PRKCA,PRKCB,PRKCD,PRKCE,PRKCH,PRKCQ; PKC-pan:PRKCA,PRKCB,PRKCD,PRKCE,PRKCH,PRKCQ; PR:PGR; PRAS40:AKT1S1; PTEN:PTEN; PYGB:PYGB; PYGB-AB2:PYGB; Pyk2:PTK2B
Rab11:RAB11A,RAB11B; Rab25:RAB25; Raptor:RPTOR; Rb:RB1; Ret:RET; RIP:RIPK1; Rock-1:ROCK1; RPA32:RPA2; RSK1:RPS6KA1; RSK2:RPS6KA3; RSK3:RPS6KA2
RSK1-2-3:RPS6KA1,RPS6KA3,RPS6KA2; RSK:RPS6KA1,RPS6KA2,RPS6KA3; S6:RPS6; S6-ribosomal-protein:RPS6; SCD1:SCD; SF2:SRSF1; Shc:SHC1; SHP-2:PTPN11; SHP2:PTPN11; SLC1A5:SLC1A5
Smac:DIABLO; Snail:SNAI1; SOD1:SOD1; SOD2:SOD2; Src:SRC; Stathmin:STMN1; Stathmin-1:STMN1; STAT3:STAT3; STAT5-alpha:STAT5A; STAT5a:STAT5A; STING:STING1; Syk:SYK; Synaptophysin:SYP
TAZ:WWTR1; TFAM:TFAM; TFRC:TFRC; Thymidylate synthase:TYMS; Thymidilate synthase:TYMS; TIGAR:TIGAR; Transglutaminase:TGM2; TTF1:NKX2-1; TTF-1:NKX2-1; Tuberin:TSC2; Tuberin(TSC2):TSC2; Twist:TWIST1; Tyro3:TYRO3
VEGFR-2:KDR; VEGFR2:KDR; VEGF:VEGFA; Vimentin:VIM; Wee1:WEE1; XIAP:XIAP; YAP:YAP1; YB-1:YBX1; YB1:YBX1; ZAP-70:ZAP70; Tau:MAPT; Telomerase:TERT; TSC1:TSC1; TUFM:TUFM; WIPI1:WIPI1
Rheb:RHEB; Rictor:RICTOR; Merlin:NF2; NDRG1:NDRG1; MSI2:MSI2; GAB2:GAB2; H2AX:H2AX; gamma-H2AX:H2AX; DNA POLG:POLG; DNA Polymerase g:POLG; Elk-1:ELK1; Gys:GYS1; LDHA:LDHA; Lasu1:HUWE1; SMYD3:SMYD3; UBAC1:UBAC1; UGT1A:UGT1A1,UGT1A3,UGT1A4,UGT1A6,UGT1A9
Creb:CREB1; PRC1:PRC1; MMP2:MMP2; Hes1:HES1; Enolase-1:ENO1; Enolase-2:ENO2; HLA-DQA1:HLA-DQA1; HLA-DR-DP-DQ-DX:HLA-DRA,HLA-DPA1,HLA-DQA1; Complex-II-Subunit:SDHB; Mitofusin-1:MFN1; Mitofusin-2:MFN2; SQSTM1:SQSTM1
"""

# One site tells more than the antibody's family name does.
_WHOLE_LABELS = {"gsk3ps9": ("GSK3B",)}

NOT_GENES = frozenset({"par"})
"""Squeezed labels of antibodies against no protein (poly-ADP-ribose), though a gene is called so."""

_MARK = re.compile(
    r"(?ix) [_\s-]*caution\s*$ | \([^)]*\) | [-_][RMG][-_][VCEQ] \s*$ | [_\s-]*cleaved.*$ | [_\s-]active$"
)
_SITES = re.compile(r"[_\s-]p[STY]\d.*$")
_SQUEEZED_SITES = re.compile(r"p[sty]\d+([sty]?\d+)*$")
_NOT_ALNUM = re.compile(r"[^a-z0-9]")
_LEADING_X = re.compile(r"^X(?=\d)")
_TELLTALE = re.compile(
    r"(?i:_caution$|[-_]caution$|cleaved)|_p[STY]\d|\sp[STY]\d|-[RMG]-[VCEQ](_|$)"
)


def squeeze(label: str) -> str:
    """Lower case, letters and digits only, Greek letters spelled out."""
    return _NOT_ALNUM.sub("", spell_greek(label.lower()))


@cache
def antibodies() -> dict[str, tuple[str, ...]]:
    """Return squeezed label -> symbols."""
    table: dict[str, tuple[str, ...]] = {}
    for entry in _ANTIBODIES.replace("\n", ";").split(";"):
        label, _, symbols = entry.strip().rpartition(":")
        if label:
            table[squeeze(label)] = tuple(symbols.split(","))
    return table


def is_telltale(label: str) -> bool:
    """Whether the label has a phosphosite or a validation mark, as only antibodies do."""
    return bool(_TELLTALE.search(label))


def strip(label: str) -> str:
    """Drop phosphosites, validation marks, clone names, and R's leading X."""
    label = _LEADING_X.sub("", label.strip())
    previous = ""
    while label != previous:
        previous = label
        label = _SITES.sub("", _MARK.sub("", label)).strip(" _-")
    return label


def unsited(label: str) -> str:
    """Drop sites without separators: ``CDK1PY15`` is ``cdk1``; too little is left of APS1."""
    whole = squeeze(label)
    short = _SQUEEZED_SITES.sub("", whole)
    return short if short != whole and len(short) > 2 else label


def antibody_symbols(label: str) -> tuple[str, ...]:
    """Return the symbols that the table has for a label, or an empty tuple."""
    table = antibodies()
    whole = squeeze(_MARK.sub("", _LEADING_X.sub("", label.strip())))
    if whole in _WHOLE_LABELS:
        return _WHOLE_LABELS[whole]
    key = squeeze(strip(label))
    return table.get(key) or table.get(_SQUEEZED_SITES.sub("", key), ())
