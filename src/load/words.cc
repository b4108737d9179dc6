#include "load/words.h"

#include <algorithm>

namespace rerank::load {

std::string_view common_words() {
  return "about accept account active address after against agent ahead almost along also always among "
         "amount annual answer appear apply around artist assume attempt author away bank basic basket "
         "battle because begin below better bird blood board body border bottom branch break bridge brief "
         "bring budget burn buyer camera capital career case catch center chain change channel chapter "
         "cheap chief choice circle claim clean climate close coach coffee collect color column combine "
         "comfort comment company complete concept confirm consider contain contest continue control cook "
         "cool corner cost country court create crime culture curve cycle damage danger data daughter dead "
         "deal degree deliver deny depth design detail device diet direct display divide domain double down "
         "draw dress drive during early earth easy edition effect either electric else employ empty ending "
         "engine enter equal escape estimate event every example exchange exist expert explain express "
         "extra fact fail faith family fast fault feature field figure fill final find fine finish firm "
         "fish flat floor flower focus food force forest form forward found four free friend front fuel "
         "function future game general girl glass goal good grade grand grass green group growth guess "
         "habit hall handle hard heart heavy help here hidden hill hold holiday hope hospital hotel house "
         "huge hunt image import income increase index initial inside instead into invite issue join jump "
         "just keep know lake land language last later layer leader learn leave legal less letter library "
         "light limit line link listen live logic look loss love luck magic major manage map market mass "
         "master material maybe mean media meet memory mention metal middle mile mine minute mirror miss "
         "mix model moment month more mother mount move much must nation natural nature near network news "
         "nice nine none north nothing number observe office okay only open option order origin outcome "
         "outside owner page pair paper park partner pass path patient pattern people perform period person "
         "phone phrase piece place plan plant play please point policy port possible power prepare press "
         "prevent primary print private process product program project promise proper prove public "
         "purchase purple push quarter question quiet race rain range rapid rate reach ready reason recent "
         "reduce reflect regular remain remove repair replace report request require reserve rest return "
         "review rich right rise river rock roof root round route rule salt sample save scene school score "
         "search seat secret sector seek sell send sense serious service seven shall share sheet ship shop "
         "short show sign silver similar simple sing site skill sleep small smooth social solid some soon "
         "sound south space special speed split spot spring staff stand start station step stock stop storm "
         "story stream strength strong study subject such summer support surface sweet symbol table talk "
         "target task tell test than that then there thing third those thought three throw ticket tight "
         "tiny today tool touch tower track train travel trial truck trust turn twenty type union unit upon "
         "urban usual vary version victim view voice vote walk wall want warning watch wave weapon weather "
         "weight well wheel where while whole wife wild will window winter wise with without wood work "
         "worth write yard yellow zero";
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace rerank::load
